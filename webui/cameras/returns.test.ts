import { expect, test } from 'vitest';
import { Returns } from './returns.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const live = { ready: true, paused: false, sourceOnDemand: false, offlineSince: null, lastError: null };
const since = (minutes: number) => ({
  ...{ ...live, ready: false, lastError: 'no answer at all' },
  offlineSince: new Date(NOW - minutes * 60_000).toISOString(),
});
const garden = (main: typeof live | ReturnType<typeof since>) => [{ name: 'garden', main }];

test('a camera that is back is told once, with how long it was away', () => {
  const returns = new Returns();
  expect(returns.note(garden(since(12)), NOW)).toEqual([]);
  expect(returns.note(garden(live), NOW)).toEqual([{ name: 'garden', awayMs: 12 * 60_000 }]);
  expect(returns.note(garden(live), NOW)).toEqual([]);
});

test.for([
  ['was away for a moment', since(0.5)],
  ['was paused', { ...since(12), paused: true }],
  ['comes when it is asked for', { ...since(12), sourceOnDemand: true }],
  ['had only begun', { ...since(12), lastError: null }],
] as const)('one that %s is not told', ([, main]) => {
  const returns = new Returns();
  returns.note([{ name: 'garden', main }], NOW);
  expect(returns.note(garden(live), NOW)).toEqual([]);
});

test('one that was removed meanwhile is forgotten', () => {
  const returns = new Returns();
  returns.note(garden(since(12)), NOW);
  returns.note([], NOW);
  expect(returns.note(garden(live), NOW)).toEqual([]);
});
