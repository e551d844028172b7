import { expect, test } from 'vitest';
import { minutesUntilTomorrow, relayOf } from './notify-data.ts';

const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36';

test.for([
  [`Mozilla/5.0 (Linux; Android 16) ${CHROME}`, 'Google'],
  [`Mozilla/5.0 (Windows NT 10.0) ${CHROME} Edg/150.0.0.0`, 'Microsoft'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 'Mozilla'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Safari/604.1', 'Apple'],
  ['Lynx', undefined],
] as const)('%s is served by %s', ([userAgent, company]) => {
  expect(relayOf(userAgent)).toBe(company);
});

test('a pause until tomorrow ends at eight', () => {
  expect(minutesUntilTomorrow(new Date(2026, 10, 23, 20, 0))).toBe(12 * 60);
  expect(minutesUntilTomorrow(new Date(2026, 10, 23, 1, 0))).toBe(31 * 60);
});
