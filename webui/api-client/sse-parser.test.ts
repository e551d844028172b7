import { expect, test } from 'vitest';
import { SseParser } from './sse-parser.ts';

const TEXT = 'id: a-1\nevent: camera\ndata: {"path":"door"}\n\n: still here\n\nid: a-2\ndata: one\ndata: two\n\n';
const EVENTS = [
  { type: 'camera', id: 'a-1', data: '{"path":"door"}' },
  { type: 'message', id: 'a-2', data: 'one\ntwo' },
];

test.for([1, 2, 7, 1000])('events are complete from chunks of %d characters', (size) => {
  const lines = new SseParser();
  const pieces = TEXT.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? [];
  expect(pieces.flatMap((piece) => lines.push(piece))).toEqual(EVENTS);
});

test('all three line endings are accepted', () => {
  expect(new SseParser().push(TEXT.replaceAll('\n', '\r\n'))).toEqual(EVENTS);
  expect(new SseParser().push(`${TEXT.replaceAll('\n', '\r')}:\n`)).toEqual(EVENTS);
});

test('an incomplete event is not reported', () => {
  expect(new SseParser().push('event: camera\ndata: {}\n')).toEqual([]);
});
