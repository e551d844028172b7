import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { RateLimit } from './rate-limit.ts';

test('a rate limit spreads bytes over time', async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const pace = new RateLimit(clock, 1_000);
  let sent = 0;
  const send = async () => {
    for (let i = 0; i < 8; i += 1) {
      await pace.take(500, signal);
      sent += 500;
    }
  };
  const done = send();
  await clock.advance(1);
  expect(sent).toBe(500);
  await clock.advance(500);
  expect(sent).toBe(1_000);
  for (let i = 0; i < 6; i += 1) {
    await clock.advance(500);
  }
  await done;
  expect(sent).toBe(4_000);
});

test('without a limit nothing waits', async () => {
  const pace = new RateLimit(new FakeClock(), 0);
  await pace.take(1e12, new AbortController().signal);
  await pace.take(1e12, new AbortController().signal);
});
