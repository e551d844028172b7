import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { DeletionTrace } from './deletion-trace.ts';

const HOUR_US = 3_600_000_000;
const START_US = Date.UTC(2026, 10, 20) * 1000;

function setUp() {
  const clock = new FakeClock();
  const lines: unknown[] = [];
  const events: string[] = [];
  const info = (facts: unknown, _text?: string) => lines.push(facts);
  const trace = new DeletionTrace({ clock, logger: { info } as never, tell: (text) => events.push(text) });
  const gone = (path: string, hour: number, because: 'age' | 'space' | 'size' = 'age') =>
    trace.deleted(path, because, START_US + hour * HOUR_US, START_US + (hour + 1) * HOUR_US, 1_000);
  return { clock, trace, lines, events, gone };
}

test('a sweep is one line per path and reason, in any order of its files', () => {
  const { trace, lines, gone } = setUp();
  trace.endSweep();
  expect(lines).toEqual([]);
  for (const hour of [1, 0, 2]) {
    gone('cam', hour);
  }
  gone('cam', 7, 'space');
  gone('door', 5, 'size');
  trace.endSweep();
  trace.endSweep();
  const day = '2026-11-20T';
  expect(lines).toEqual([
    {
      path: 'cam',
      files: 3,
      diskBytes: 3_000,
      because: 'age',
      from: `${day}00:00:00.000Z`,
      to: `${day}03:00:00.000Z`,
    },
    {
      path: 'cam',
      files: 1,
      diskBytes: 1_000,
      because: 'space',
      from: `${day}07:00:00.000Z`,
      to: `${day}08:00:00.000Z`,
    },
    {
      path: 'door',
      files: 1,
      diskBytes: 1_000,
      because: 'size',
      from: `${day}05:00:00.000Z`,
      to: `${day}06:00:00.000Z`,
    },
  ]);
});

test('the first sweep is an event, all sweeps of the next hour are another', async () => {
  const { clock, trace, events, gone } = setUp();
  for (let sweep = 0; sweep < 90; sweep += 1) {
    gone('cam', sweep, 'space');
    trace.endSweep();
    await clock.advance(60_000);
  }
  expect(events).toEqual([
    'deleted 1 recording: cam: 1 by space, 2026-11-20T00:00:00.000Z to 2026-11-20T01:00:00.000Z',
    'deleted 60 recordings: cam: 60 by space, 2026-11-20T01:00:00.000Z to 2026-11-22T13:00:00.000Z',
  ]);
});

test('an event names as many paths as fit into it, those that lost most first, and counts the others', () => {
  const { trace, events, gone } = setUp();
  for (let path = 0; path < 100; path += 1) {
    for (let hour = 0; hour <= path; hour += 1) {
      gone(`cam${path}`, hour);
    }
  }
  trace.endSweep();
  expect(events[0]).toMatch(/^deleted 5050 recordings: cam99: 100 by age, .*; and 9\d more$/);
  expect(events[0]?.length).toBeLessThanOrEqual(500);
});

test('an invalid time is reported as such', () => {
  const { trace, events, gone } = setUp();
  gone('cam', Number.NaN);
  trace.endSweep();
  expect(events).toEqual(['deleted 1 recording: cam: 1 by age, an unknown time to an unknown time']);
});
