import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import { Overload } from './overload.ts';

function setup() {
  const clock = new FakeClock();
  const overload = new Overload(clock, silentLogger);
  clock.eachSecond(() => overload.tick());
  const busy = async (share: number, seconds: number) => {
    clock.busyShare = share;
    await clock.advance(seconds * 1_000);
    return overload.isOn;
  };
  return { busy };
}

test('ten busy seconds in a row are an overload, shorter bursts are none', async () => {
  const { busy } = setup();
  expect(await busy(0.9, 600)).toBe(false);
  for (let i = 0; i < 10; i += 1) {
    expect(await busy(1, 9)).toBe(false);
    expect(await busy(0.5, 1)).toBe(false);
  }
  expect(await busy(1, 10)).toBe(true);
});

test('it ends after ten seconds of relief, and later each time that it comes back at once', async () => {
  const { busy } = setup();
  await busy(1, 10);
  expect(await busy(0.8, 600)).toBe(true);
  expect(await busy(0.5, 9)).toBe(true);
  expect(await busy(0.5, 1)).toBe(false);
  for (const seconds of [20, 40, 80, 160, 300, 300]) {
    expect(await busy(1, 10)).toBe(true);
    expect(await busy(0.5, seconds - 1)).toBe(true);
    expect(await busy(0.5, 1)).toBe(false);
  }
  await busy(0.1, 60);
  await busy(1, 10);
  expect(await busy(0.5, 10)).toBe(false);
});
