import { expect, test } from 'vitest';
import { PerchError } from '../../base/errors.ts';
import { formatDuration, parseDuration } from './duration.ts';

test.for([
  ['10s', 10_000, '10s'],
  ['1h', 3_600_000, '1h0m0s'],
  ['1h30m', 5_400_000, '1h30m0s'],
  ['1.5m', 90_000, '1m30s'],
  ['200ms', 200, '200ms'],
  ['1500ms', 1_500, '1.5s'],
  ['500us', 0.5, '500µs'],
  ['24h', 86_400_000, '1d'],
  ['1d12h', 129_600_000, '1d12h0m0s'],
  ['30d', 2_592_000_000, '30d'],
  ['0s', 0, ''],
  ['', 0, ''],
] as const)('%s is %d ms and is shown as "%s"', ([text, ms, shown]) => {
  expect(parseDuration(text)).toBe(ms);
  expect(formatDuration(ms)).toBe(shown);
  expect(parseDuration(shown)).toBe(ms);
});

test.for(['10', '1 second', 's', '-1s', '10s1d', '1e3s', '1h 30m', 'd', '9'.repeat(400)])(
  '%s is not a duration',
  (text) => {
    expect(() => parseDuration(text)).toThrow(/is not a duration: write for example 200ms, 10s, 1h30m or 7d/);
  },
);

test('a duration of more than a century is rejected with the limit', () => {
  expect(() => parseDuration('36501d')).toThrow(PerchError);
  expect(() => parseDuration('36501d')).toThrow("'36501d' is longer than the limit of 36500d");
});
