import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { WrongCredentials } from './wrong-credentials.ts';

test('a wrong attempt waits up to four seconds, and the ninth of one address is rejected meanwhile', async () => {
  const clock = new FakeClock();
  const wrong = new WrongCredentials(clock, new AbortController().signal, () => 0.999);
  const answered: string[] = [];
  for (let i = 0; i < 8; i += 1) {
    wrong.checkRoom('192.0.2.1');
    wrong.pause('192.0.2.1').then(() => answered.push('192.0.2.1'));
  }
  expect(() => wrong.checkRoom('192.0.2.1')).toThrow('8 wrong logins from this address are being answered');
  expect(() => wrong.checkRoom('192.0.2.2')).not.toThrow();
  await clock.advance(3_995);
  expect(answered).toHaveLength(0);
  await clock.advance(5);
  expect(answered).toHaveLength(8);
  expect(() => wrong.checkRoom('192.0.2.1')).not.toThrow();
});

test('guesses from the internet do not delay clients at home', async () => {
  const stop = new AbortController();
  const wrong = new WrongCredentials(new FakeClock(), stop.signal);
  const all = Array.from({ length: 256 }, (_, i) => wrong.pause(`203.0.113.${i}`));
  expect(() => wrong.checkRoom('198.51.100.1')).toThrow('too many wrong logins are being answered: try again');
  expect(() => wrong.checkRoom('192.168.1.9')).not.toThrow();
  stop.abort();
  await Promise.all(all);
  expect(() => wrong.checkRoom('198.51.100.1')).not.toThrow();
});
