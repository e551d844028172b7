import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { threadCpuMs } from '../../../test/support/base/thread-cpu.ts';
import { allowedOrigin } from './cors.ts';

test.for<[string | undefined, readonly string[], string | undefined]>([
  ['https://a.example', [], undefined],
  ['https://a.example', ['*'], '*'],
  [undefined, ['*'], '*'],
  ['https://a.example', ['*', 'https://a.example'], 'https://a.example'],
  ['https://a.example', ['https://a.example:443'], 'https://a.example'],
  ['https://a.example:8443', ['https://a.example'], undefined],
  ['http://a.example', ['https://a.example'], undefined],
  ['https://cam.a.example', ['https://*.a.example'], 'https://cam.a.example'],
  ['https://one.cam.a.example', ['https://*.a.example'], 'https://one.cam.a.example'],
  ['https://a.example', ['https://*.a.example'], 'https://a.example'],
  ['https://evila.example', ['https://*.a.example'], undefined],
  ['http://192.168.1.9:3000', ['http://192.168.*:3000'], 'http://192.168.1.9:3000'],
  ['https://aXexample', ['https://a.example'], undefined],
  ['http://[::1]:3000', ['http://[::1]:3000'], 'http://[::1]:3000'],
  ['null', ['https://a.example'], undefined],
])('%s with %j is allowed as %s', ([origin, list, allowed]) => {
  expect(allowedOrigin(origin, list)).toBe(allowed);
});

test('an entry with many wildcards takes no time on a long origin', () => {
  const start = threadCpuMs();
  expect(allowedOrigin(`https://${'a'.repeat(16_000)}`, [`https://${'*a'.repeat(30)}b`])).toBeUndefined();
  expect(threadCpuMs() - start).toBeLessThan(1000);
});

test('no Origin throws, and only the origin itself is ever allowed', () => {
  const next = random(5);
  const letters = 'htps:/.*a[]0123456789 \\';
  for (let i = 0; i < 10_000; i += 1) {
    const text = () => Array.from({ length: next() * 20 }, () => letters[Math.floor(next() * letters.length)]).join('');
    const origin = text();
    const allowed = allowedOrigin(origin, [`http://${text()}`, 'https://a.example']);
    expect(allowed ?? origin).toBe(origin);
  }
});
