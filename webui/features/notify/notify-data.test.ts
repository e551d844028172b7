import { expect, test, vi } from 'vitest';
import { afterTap, minutesUntilTomorrow, relayOf, rulesFault, subscribe, Untrusted } from './notify-data.ts';

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

test('rules without an event, a camera or a valid time are not saved, with the reason', () => {
  const rule = { cameras: ['garden'], kinds: ['person'] };
  expect(rulesFault([rule, { ...rule, cameras: 'all', hours: { from: '22:00', to: '06:00' } }])).toBeUndefined();
  for (const wrong of [
    { ...rule, cameras: [] },
    { ...rule, kinds: [] },
  ]) {
    expect(rulesFault([rule, wrong])).toBe('Choose at least one event and one camera.');
  }
  for (const hours of [
    { from: '', to: '06:00' },
    { from: '22:00', to: '' },
  ]) {
    expect(rulesFault([{ ...rule, hours }])).toBe('Enter a time.');
  }
});

const ALL = ['talk', 'quiet', 'rule:a', 'rule:b'];

test.for([
  [['talk', 'quiet'], 'quiet', ['talk']],
  [['talk'], 'rule:a', ['talk', 'rule:a']],
  [['talk', 'quiet'], 'rule:a', ['quiet', 'rule:a']],
  [['rule:a', 'rule:b'], 'talk', ['talk', 'rule:b']],
  [[], 'rule:b', ['rule:b']],
  [['quiet', 'rule:gone'], 'rule:a', ['quiet', 'rule:a']],
] as const)('of the buttons %j a tap on %s leaves %j', ([chosen, tapped, after]) => {
  expect(afterTap(chosen, tapped, ALL)).toEqual(after);
});

test.for([
  [new DOMException('an SSL certificate error occurred', 'SecurityError'), true],
  [new TypeError('failed to fetch the script'), false],
  [new DOMException('the worker was replaced', 'AbortError'), false],
] as const)('a worker that fails with %s means an untrusted certificate: %s', async ([failure, isUntrusted]) => {
  vi.stubGlobal('Notification', { requestPermission: async () => 'granted' });
  const serviceWorker = { getRegistration: async () => undefined, register: () => Promise.reject(failure) };
  vi.stubGlobal('navigator', { serviceWorker });
  try {
    const error = await subscribe('key', []).catch((reason: unknown) => reason);
    expect(error instanceof Untrusted).toBe(isUntrusted);
    expect(isUntrusted ? (error as Error).cause : error).toBe(failure);
  } finally {
    vi.unstubAllGlobals();
  }
});
