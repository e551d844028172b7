import { expect, test } from 'vitest';
import { SequenceTracker, TickUnwrapper } from './sequence.ts';

const follow = (...sequences: readonly number[]) => {
  const tracker = new SequenceTracker();
  return { tracker, arrivals: sequences.map((sequence) => tracker.push(sequence)) };
};

test('packets in order follow each other across the wrap', () => {
  const { tracker, arrivals } = follow(65_534, 65_535, 0, 1);
  expect(arrivals).toEqual(['next', 'next', 'next', 'next']);
  expect(tracker.highest).toBe(65_537);
  expect(tracker.expected).toBe(4);
});

test('missing packets are a gap and are counted', () => {
  const { tracker, arrivals } = follow(10, 14, 15);
  expect(arrivals).toEqual(['next', 'gap', 'next']);
  expect(tracker).toMatchObject({ lost: 3, expected: 6 });
});

test('duplicates and late packets are dropped', () => {
  const { tracker, arrivals } = follow(10, 10, 12, 11, 13);
  expect(arrivals).toEqual(['next', 'drop', 'gap', 'drop', 'next']);
  expect(tracker.late).toBe(2);
});

test('two packets in a row after a big jump are a restart', () => {
  expect(follow(10, 40_000, 40_001, 40_002).arrivals).toEqual(['next', 'suspect', 'restart', 'next']);
  const { tracker, arrivals } = follow(10_000, 3, 4, 5);
  expect(arrivals).toEqual(['next', 'suspect', 'restart', 'next']);
  expect(tracker).toMatchObject({ lost: 0, expected: 3 });
});

test.for([
  ['a little behind', 40, 0],
  ['at the number that was the last', 40, 40],
] as const)('packets with a later time that begin %s are a restart', ([, last, sequence]) => {
  const { tracker } = follow(last - 1, last);
  expect(tracker.push(sequence, true)).toBe('suspect');
  expect(tracker.push(sequence + 1, true)).toBe(sequence === last ? 'next' : 'restart');
  expect(tracker.late).toBe(0);
});

test('a single wild number does not disturb the sequence', () => {
  expect(follow(10, 40_000, 11, 12, 40_001, 13).arrivals).toEqual([
    'next',
    'suspect',
    'next',
    'next',
    'suspect',
    'next',
  ]);
});

test('after a reset any number is the first', () => {
  const { tracker } = follow(10, 11);
  tracker.reset();
  expect(tracker.push(50_000)).toBe('next');
});

test('ticks continue across the wrap of the timestamp', () => {
  const unwrapper = new TickUnwrapper();
  const first = unwrapper.unwrap(0xffff_ff00);
  expect(unwrapper.unwrap(0x100) - first).toBe(0x200);
  expect(unwrapper.unwrap(0xffff_ffff) - first).toBe(0xff);
});

test('a timestamp before the first one is not negative', () => {
  const unwrapper = new TickUnwrapper();
  unwrapper.unwrap(5);
  expect(unwrapper.unwrap(0xffff_fff0)).toBeGreaterThan(0);
});

test('asking for a timestamp nearby does not move the unwrapper', () => {
  const unwrapper = new TickUnwrapper();
  const first = unwrapper.unwrap(1000);
  expect(unwrapper.near(0xffff_ffff) - first).toBe(-1001);
  expect(unwrapper.unwrap(1001) - first).toBe(1);
});
