import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { parseEvent } from './events.ts';

const NONE = { startUs: undefined, endUs: undefined, text: undefined, id: undefined, state: undefined };

test('an event has a path and a type, and may have times, a text, an id and a state', () => {
  expect(parseEvent({ path: 'cam', type: 'motion' })).toEqual({ ...NONE, path: 'cam', type: 'motion' });
  const full = {
    ...{ path: 'yard/gate', type: 'person', text: 'hello', id: 'a1', state: 'start' },
    ...{ start: '2026-01-31T12:00:00.5+01:00', end: '2026-01-31T11:00:02Z' },
  };
  const us = Date.UTC(2026, 0, 31, 11) * 1000;
  const { start: _start, end: _end, ...rest } = full;
  expect(parseEvent(full)).toEqual({ ...rest, startUs: us + 500_000, endUs: us + 2e6 });
});

test('the end of an event with an id needs no type', () => {
  expect(parseEvent({ path: 'cam', id: 'a1', state: 'end' })).toMatchObject({ id: 'a1', type: 'event' });
});

const LABEL = { type: 'person', score: 0.8, box: { x: 0, y: 0.5, width: 0.1, height: 0.5 } } as const;
const AT = '2026-01-31T12:00:00Z';

test('programs that examine pictures report labels', () => {
  const us = Date.parse(AT) * 1000;
  const event = { path: 'cam', type: 'motion' };
  expect(parseEvent({ ...event, labels: [{ ...LABEL, at: AT }] }).labels).toEqual([{ ...LABEL, at: us }]);
  expect(parseEvent({ ...event, labels: [] }).labels).toEqual([]);
  expect(parseEvent({ ...event, labels: null })).not.toHaveProperty('labels');
});

test.for([
  ['person', 'labels must be array'],
  [Array.from({ length: 9 }, () => ({ ...LABEL, at: AT })), 'labels must not have more than 8 items'],
  [[{ ...LABEL, type: 'cat', at: AT }], 'labels[0].type must be equal to one of'],
  [[{ ...LABEL, score: 2, at: AT }], 'labels[0].score must be <= 1'],
  [[{ ...LABEL, box: { x: 0 }, at: AT }], 'labels[0].box must have required properties'],
  [[LABEL], 'labels[0] must have required properties at'],
  [[{ ...LABEL, at: 'now' }], "labels[0].at 'now' is not a time such as"],
  [[{ ...LABEL, at: AT, name: 'Ann' }], "unknown field 'labels[0].name'"],
] as const)('labels %j are refused', ([labels, message]) => {
  expect(() => parseEvent({ path: 'cam', type: 'motion', labels })).toThrow(
    expect.objectContaining({ code: 'badInput', message: expect.stringContaining(message) }),
  );
});

test.for([
  [undefined, 'the body is not a JSON object'],
  [[], 'the body is not a JSON object'],
  [{ type: 'motion' }, 'path is missing'],
  [{ path: 1, type: 'motion' }, 'path is not a text'],
  [{ path: 'cam', type: 'motion', when: 'now' }, "unknown field 'when'"],
  [{ path: 'cam', type: 'motion', start: 'now' }, "start 'now' is not a time such as"],
  [{ path: 'cam', type: 'motion', end: '2026-01-31 12:00:00' }, "end '2026-01-31 12:00:00' is not a time"],
  [{ path: 'cam', type: 'motion', end: '2026-13-31T12:00:00Z' }, 'is not a time'],
  [{ path: 'cam', type: 'motion', start: '2026-02-30T12:00:00Z' }, 'is not a time'],
  [{ path: 'cam', type: 'perch.moved' }, "type 'perch.moved': types that start with 'perch.' are reserved for Perch"],
  [{ path: 'cam', type: 'motion', state: 'begin' }, "state 'begin' is not start or end"],
] as const)('%j is refused', ([body, message]) => {
  expect(() => parseEvent(body)).toThrow(
    expect.objectContaining({ code: 'badInput', message: expect.stringContaining(message) }),
  );
});

test('any body yields an event or a PerchError', () => {
  const next = random(5);
  const text = JSON.stringify({
    path: 'cam',
    type: 'motion',
    start: '2026-01-31T12:00:00Z',
    end: '2026-01-31T12:00:01Z',
    state: 'end',
    labels: [{ ...LABEL, at: AT }],
  });
  for (let i = 0; i < 5_000; i += 1) {
    const bytes = Buffer.from(text);
    for (let k = 0; k < 3; k += 1) {
      bytes[Math.floor(next() * bytes.length)] = 0x20 + Math.floor(next() * 95);
    }
    let body: unknown;
    try {
      body = JSON.parse(bytes.toString());
    } catch {
      continue;
    }
    try {
      expect(parseEvent(body).path.length).toBeGreaterThan(0);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
