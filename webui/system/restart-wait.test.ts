import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { session } from '../api-client/session.ts';
import { newAddress, waitForRestart } from './restart-wait.ts';

/** The box's present answer; undefined: none. */
let answer: { readonly started: string } | undefined;
let asked = 0;

beforeEach(() => {
  vi.useFakeTimers();
  session.value = { claimed: true } as NonNullable<typeof session.value>;
  asked = 0;
  vi.stubGlobal('fetch', async () => {
    asked += 1;
    return answer ? new Response(JSON.stringify(answer)) : Promise.reject(new TypeError('no network'));
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('another run of the box is recognised', async () => {
  answer = { started: 'before' };
  const isBack = waitForRestart('before', 10);
  await vi.advanceTimersByTimeAsync(5_000);
  answer = undefined;
  await vi.advanceTimersByTimeAsync(5_000);
  answer = { started: 'after' };
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await isBack).toBe(true);
});

test('waiting for the box ends after three times the usual duration', async () => {
  answer = undefined;
  const isBack = waitForRestart('before', 10);
  await vi.advanceTimersByTimeAsync(32_000);
  expect(await isBack).toBe(false);
  const before = asked;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(before);
});

const PLAIN = { protocol: 'http:', hostname: '192.0.2.7', port: '8080' };
const SECURE = { protocol: 'https:', hostname: 'box.local', port: '8443' };
test.for([
  ['another port', PLAIN, ['address'], ':9000', '', 'http://192.0.2.7:9000/'],
  ['the same port on another interface', PLAIN, ['address'], '192.0.2.7:8080', '', undefined],
  ['other settings alone', PLAIN, ['recordMinFree'], ':9000', '', undefined],
  ['https at another port', SECURE, ['tlsAddress'], ':8080', ':9443', 'https://box.local:9443/'],
  ['https that is off then', SECURE, ['tlsAddress'], ':8080', '', 'http://box.local:8080/'],
  ['the usual port, written out', { ...PLAIN, port: '' }, ['address'], '0.0.0.0:80', '', undefined],
  ['the usual port of https', { ...SECURE, port: '' }, ['tlsAddress'], ':8080', ':443', undefined],
  ['the usual port, which it has not now', PLAIN, ['address'], ':80', '', 'http://192.0.2.7/'],
  ['https that stays', SECURE, ['address'], ':9000', ':8443', undefined],
] as const)('a backup with %s: %s', ([, here, settings, address, tlsAddress, to]) => {
  expect(newAddress({ settings: [...settings], address, tlsAddress }, here)).toBe(to);
});
