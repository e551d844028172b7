import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { SseReader } from './sse-reader.ts';

const TEXT =
  'retry: 3000\nid: a-1\n\nid: a-2\nevent: event\ndata: {"x":1}\n\n: \n\r\ndata:one\rdata: two\r\rid\ndata\n\n';
const EVENTS = [
  { type: 'event', data: '{"x":1}' },
  { type: 'message', data: 'one\ntwo' },
  { type: 'message', data: '' },
];

test.for([1, 2, 3, 7, 1_000])('events are read from chunks of %d characters', (size) => {
  const reader = new SseReader();
  const events = [];
  for (let at = 0; at < TEXT.length; at += size) {
    events.push(...reader.push(TEXT.slice(at, at + size)));
  }
  expect(events).toEqual(EVENTS);
  expect(reader.lastId).toBe('');
});

test('an id without an event counts, so that a quiet stream can be resumed', () => {
  const reader = new SseReader();
  expect(reader.push('retry: 3000\nid: run-17\n\n')).toEqual([]);
  expect(reader.lastId).toBe('run-17');
});

test.for([
  ['a line without an end', (): string => 'data: '.padEnd(10_000, 'x')],
  ['an event without an end', (): string => 'data: xxxxxxxxxxxxxxxx\n'],
  ['a very long line', (): string => `data: ${'x'.repeat(20_000)}\n\n`],
] as const)('%s is rejected, and takes no memory', ([, chunk]) => {
  const reader = new SseReader();
  expect(() => {
    for (let i = 0; i < 2_000; i += 1) {
      reader.push(chunk());
    }
  }).toThrow('an event is longer than 16384 characters');
});

test('mutated streams cause no other error', () => {
  const next = random(30);
  const bytes = new TextEncoder().encode(TEXT.repeat(3));
  for (let i = 0; i < 5_000; i += 1) {
    const reader = new SseReader();
    const text = new TextDecoder().decode(mutate(bytes, next));
    const middle = Math.floor(next() * text.length);
    for (const { type, data } of [...reader.push(text.slice(0, middle)), ...reader.push(text.slice(middle))]) {
      expect(type.length + data.length).toBeLessThan(2 * text.length);
    }
  }
});
