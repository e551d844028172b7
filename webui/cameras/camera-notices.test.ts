import { expect, test } from 'vitest';
import { ReturnTracker } from './camera-notices.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const minutesAgo = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
const live = {
  ...{ ready: true, readyTime: minutesAgo(0), paused: false, sourceOnDemand: false },
  ...{ offlineSince: null, lastError: null },
};
const since = (minutes: number) => ({
  ...{ ...live, ready: false, readyTime: null, lastError: 'no answer at all', offlineSince: minutesAgo(minutes) },
});
const garden = (main: typeof live | ReturnType<typeof since>) => [{ name: 'garden', main }];

test('the return of a camera is reported once, with the length of the outage', () => {
  const returns = new ReturnTracker();
  expect(returns.note(garden(since(12)))).toEqual([]);
  expect(returns.note(garden(live))).toEqual([{ name: 'garden', awayMs: 12 * 60_000 }]);
  expect(returns.note(garden(live))).toEqual([]);
});

test('a return while the page was hidden is timed by the clock of the box', () => {
  const returns = new ReturnTracker();
  returns.note(garden(since(600)));
  expect(returns.note(garden({ ...live, readyTime: minutesAgo(595) }))).toEqual([
    { name: 'garden', awayMs: 5 * 60_000 },
  ]);
});

test.for([
  ['was away for a moment', since(0.5)],
  ['was paused', { ...since(12), paused: true }],
  ['comes when it is asked for', { ...since(12), sourceOnDemand: true }],
  ['had only begun', { ...since(12), lastError: null }],
] as const)('a camera that %s is not reported', ([, main]) => {
  const returns = new ReturnTracker();
  returns.note([{ name: 'garden', main }]);
  expect(returns.note(garden(live))).toEqual([]);
});

test('a camera that is removed meanwhile is forgotten', () => {
  const returns = new ReturnTracker();
  returns.note(garden(since(12)));
  returns.note([]);
  expect(returns.note(garden(live))).toEqual([]);
});
