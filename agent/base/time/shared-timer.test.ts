import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { everyTogether } from './shared-timer.ts';

test('callers with the same period share one timer, which ends with the last of them', async () => {
  const clock = new FakeClock();
  const calls: string[] = [];
  const stops = ['a', 'b'].map((name) => everyTogether(clock, 500, () => calls.push(name)));
  expect(clock.sleeping).toBe(1);
  await clock.advance(1_000);
  expect(calls).toEqual(['a', 'b', 'a', 'b']);
  stops[0]?.();
  await clock.advance(500);
  expect(calls).toEqual(['a', 'b', 'a', 'b', 'b']);
  stops[1]?.();
  expect(clock.sleeping).toBe(0);
});

test('a later caller is called within the period', async () => {
  const clock = new FakeClock();
  const calls: string[] = [];
  using cleanup = new DisposableStack();
  cleanup.defer(everyTogether(clock, 500, () => calls.push('a')));
  await clock.advance(300);
  cleanup.defer(everyTogether(clock, 500, () => calls.push('b')));
  await clock.advance(200);
  expect(calls).toEqual(['a', 'b']);
});

test('another period and another clock have their own timers', () => {
  const [clock, other] = [new FakeClock(), new FakeClock()];
  const stops = [
    everyTogether(clock, 500, () => {}),
    everyTogether(clock, 700, () => {}),
    everyTogether(other, 500, () => {}),
  ];
  expect([clock.sleeping, other.sleeping]).toEqual([2, 1]);
  for (const stop of stops) {
    stop();
  }
});
