import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { isWithin, RateLimit } from './rate-limit.ts';

const at = (time: string) => new Date(`2026-01-31T${time}:00`);

test('hours reach over midnight', () => {
  expect(['21:59', '22:00', '00:00', '05:59', '06:00'].map((time) => isWithin('22:00-06:00', at(time)))).toEqual([
    false,
    true,
    true,
    true,
    false,
  ]);
  expect(['07:59', '08:00', '11:59', '12:00'].map((time) => isWithin('08:00-12:00', at(time)))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(isWithin('', at('12:00'))).toBe(true);
  expect(isWithin('03:00-03:00', at('12:00'))).toBe(true);
});

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
