import { expect, test } from 'vitest';
import { NotifyLimits } from './limits.ts';

const MINUTE_MS = 60_000;
const PERSON = { path: 'door', kind: 'person' };

test('the same kind at the same camera is notified once a minute, to each target', () => {
  const limits = new NotifyLimits();
  expect(limits.take('ann', PERSON, 0)).toBe(true);
  expect(limits.take('ann', PERSON, MINUTE_MS - 1)).toBe(false);
  expect(limits.take('bob', PERSON, 1)).toBe(true);
  expect(limits.take('ann', { path: 'yard', kind: 'person' }, 1)).toBe(true);
  expect(limits.take('ann', { path: 'door', kind: 'vehicle' }, 1)).toBe(true);
  expect(limits.take('ann', PERSON, MINUTE_MS)).toBe(true);
});

test('a doorbell rings again after five seconds', () => {
  const limits = new NotifyLimits();
  const bell = { path: 'door', kind: 'doorbell' };
  expect([0, 4_999, 5_000].map((ms) => limits.take('ann', bell, ms))).toEqual([true, false, true]);
});

test('thirty at once and then one a minute', () => {
  const limits = new NotifyLimits();
  const takeMany = (ms: number) =>
    Array.from({ length: 100 }, (_, i) => limits.take('ann', { path: `cam${i}`, kind: 'motion' }, ms)).filter(Boolean);
  expect(takeMany(0)).toHaveLength(30);
  expect(takeMany(MINUTE_MS)).toHaveLength(1);
  expect(takeMany(3 * MINUTE_MS)).toHaveLength(2);
  expect(takeMany(60 * MINUTE_MS)).toHaveLength(30);
});
