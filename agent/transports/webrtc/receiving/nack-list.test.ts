import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { NackList } from './nack-list.ts';

const GIVE_UP_MS = 500;

/** A list that has seen `sequences` at time 0. */
function after(...sequences: readonly number[]): NackList {
  const list = new NackList(GIVE_UP_MS, true);
  for (const sequence of sequences) {
    list.arrived(sequence, 0, false);
  }
  return list;
}

function asked(list: NackList, nowMs: number): number[] {
  const due = new Uint16Array(256);
  return [...due.subarray(0, list.collect(nowMs, due))];
}

test('packets in order leave nothing to ask for', () => {
  expect(after(1, 2, 3).isEmpty).toBe(true);
});

test('a missing packet is requested after two later ones', () => {
  const list = after(1, 3);
  expect(asked(list, 0)).toEqual([]);
  list.arrived(4, 0, false);
  expect(asked(list, 0)).toEqual([2]);
});

test('without later packets it is requested after 12 ms', () => {
  const list = after(1, 3);
  expect(asked(list, 11)).toEqual([]);
  expect(asked(list, 12)).toEqual([2]);
});

test('a late packet is not requested', () => {
  const list = after(1, 3, 2, 4, 5);
  expect(list.isEmpty).toBe(true);
  expect(list.repaired).toBe(0);
});

test('requests repeat after 60 ms, 120 ms and so on, for half a second', () => {
  const list = after(1, 3, 4);
  const times: number[] = [];
  for (let nowMs = 0; nowMs <= 1_000; nowMs += 10) {
    if (asked(list, nowMs).length > 0) {
      times.push(nowMs);
    }
  }
  expect(times).toEqual([0, 60, 180, 360]);
  expect(list.isEmpty).toBe(true);
});

test('the round trip is measured and determines the next wait', () => {
  const list = after(1, 3, 4);
  asked(list, 0);
  list.arrived(2, 100, true);
  expect([list.repaired, list.roundTripMs]).toEqual([1, 100]);
  list.arrived(6, 100, false);
  list.arrived(7, 100, false);
  expect(asked(list, 100)).toEqual([5]);
  expect(asked(list, 240)).toEqual([]);
  expect(asked(list, 250)).toEqual([5]);
  // After two requests the round trip is ambiguous.
  list.arrived(5, 251, true);
  expect([list.repaired, list.roundTripMs]).toEqual([2, 100]);
});

test('on a reordering network requests wait until late packets have usually arrived', () => {
  const list = after(1, 3, 4);
  expect(asked(list, 0)).toEqual([2]);
  // It was late, not lost: no repair is counted, and the round trip is unknown.
  list.arrived(2, 20, false);
  expect([list.repaired, list.roundTripMs]).toEqual([0, undefined]);
  list.arrived(6, 100, false);
  list.arrived(7, 100, false);
  expect(asked(list, 124)).toEqual([]);
  expect(asked(list, 125)).toEqual([5]);
});

test('without a separate stream, a requested packet counts as retransmitted', () => {
  const list = new NackList(GIVE_UP_MS, false);
  for (const sequence of [1, 3, 4]) {
    list.arrived(sequence, 0, false);
  }
  asked(list, 0);
  list.arrived(2, 40, false);
  expect([list.repaired, list.roundTripMs]).toEqual([1, 40]);
});

test('numbers wrap', () => {
  const list = after(0xfffe, 2, 3);
  expect(asked(list, 0)).toEqual([0xffff, 0, 1]);
  list.arrived(0, 1, true);
  expect([list.isMissing(0xffff), list.isMissing(0), list.isMissing(1)]).toEqual([true, false, true]);
});

test('more than 256 missing at once are not requested: a key frame replaces them', () => {
  expect(asked(after(1, 258), 100)).toHaveLength(256);
  expect(asked(after(1, 259), 100)).toEqual([]);
});

test('beyond 256 entries the oldest are dropped', () => {
  const list = after(...Array.from({ length: 300 }, (_, i) => 2 * i));
  expect(asked(list, 100)).toEqual(Array.from({ length: 256 }, (_, i) => 2 * (i + 43) + 1));
});

test('after a new sender no packet of the former is missing', () => {
  const list = after(1, 5);
  list.clear();
  list.arrived(9_000, 0, false);
  expect(list.isEmpty).toBe(true);
});

test('for any packets in any order, the list is bounded and requests only missing packets', () => {
  const next = random(4588);
  const list = new NackList(GIVE_UP_MS, true);
  let nowMs = 0;
  let sequence = 0;
  for (let i = 0; i < 20_000; i += 1) {
    nowMs += next() * 5;
    sequence = (sequence + (next() < 0.9 ? 1 : Math.floor(next() * 600))) & 0xffff;
    const late = next() < 0.1 ? Math.floor(next() * 300) : 0;
    const arrived = (sequence - late) & 0xffff;
    list.arrived(arrived, nowMs, next() < 0.5);
    const missing = asked(list, nowMs);
    expect(missing.length).toBeLessThanOrEqual(256);
    expect(missing.includes(arrived)).toBe(false);
  }
});
