import { expect, test } from 'vitest';
import { FakeClock } from '../test/support/base/fake-clock.ts';
import { HostWatch } from './host-health.ts';
import type { NetworkCount, Sensors } from './sensors.ts';

function setup(broken: Partial<Sensors> = {}) {
  const clock = new FakeClock();
  const asked: Record<string, number> = {};
  const count = (name: string) => {
    asked[name] = (asked[name] ?? 0) + 1;
  };
  const counts: NetworkCount[] = [{ name: 'eth0', addresses: ['10.0.0.2'], receivedBytes: 0, sentBytes: 1_000 }];
  const sensors: Sensors = {
    temperatureCelsius: async () => {
      count('temperature');
      return 61.5;
    },
    power: async () => undefined,
    hasStoppedFan: async () => undefined,
    swap: async () => undefined,
    network: async () => counts.map((one) => ({ ...one })),
    drives: async () => {
      count('drives');
      return [];
    },
    model: async () => {
      count('model');
      return 'Raspberry Pi 5 Model B Rev 1.0';
    },
    clockSource: async () => {
      count('source');
      return 'network';
    },
    ...broken,
  };
  return { clock, asked, counts, watch: new HostWatch(clock, sensors) };
}

test('sensors are read only on demand, and each at its own rate at most', async () => {
  const { clock, asked, watch } = setup();
  await clock.advance(3_600_000);
  expect(asked).toEqual({});
  for (let second = 0; second < 700; second += 1) {
    await watch.read();
    await clock.advance(1_000);
  }
  expect(asked).toEqual({ temperature: 175, drives: 2, model: 1, source: 12 });
});

test('concurrent callers share one query', async () => {
  const { asked, watch } = setup();
  const all = await Promise.all(Array.from({ length: 20 }, () => watch.read()));
  expect(asked['temperature']).toBe(1);
  expect(all[19]).toEqual(all[0]);
});

test('network rates cover the time between two samples, and are missing after a long pause or a counter reset', async () => {
  const { clock, counts, watch } = setup();
  const [eth0] = counts;
  const rates = async (receivedBytes: number, ms: number) => {
    await clock.advance(ms);
    counts[0] = { ...(eth0 as NetworkCount), receivedBytes };
    return (await watch.read()).network[0];
  };
  expect(await rates(0, 0)).toMatchObject({ inboundBitrate: undefined, outboundBitrate: undefined });
  expect(await rates(5_000_000, 5_000)).toMatchObject({ inboundBitrate: 8_000_000, outboundBitrate: 0 });
  expect(await rates(9_000_000, 120_000)).toMatchObject({ inboundBitrate: undefined });
  expect(await rates(10, 5_000)).toMatchObject({ inboundBitrate: undefined });
  expect(await rates(1_010, 4_000)).toMatchObject({ name: 'eth0', addresses: ['10.0.0.2'], inboundBitrate: 2_000 });
});

test('a failed sensor is missing, and the others are reported', async () => {
  const broken = async () => {
    throw new Error('no such sensor');
  };
  const { watch } = setup({
    drives: broken,
    power: broken,
    hasStoppedFan: broken,
    swap: broken,
    network: broken,
    clockSource: broken,
    model: broken,
  });
  expect(await watch.read()).toEqual({
    ...{ model: undefined, temperatureCelsius: 61.5, power: undefined, hasStoppedFan: undefined, swap: undefined },
    ...{ network: [], drives: [], clockSource: 'none' },
  });
});

test('a sensor that hangs delays callers only briefly, is read once at a time, and its late value counts', async () => {
  let answer: (drives: []) => void = () => {};
  let asked = 0;
  const hanging = () => {
    asked += 1;
    return new Promise<[]>((resolve) => {
      answer = resolve;
    });
  };
  const { clock, watch } = setup({ drives: hanging });
  for (let round = 0; round < 3; round += 1) {
    const reading = watch.read();
    await clock.advance(3_000);
    expect((await reading).temperatureCelsius).toBe(61.5);
  }
  expect(asked).toBe(1);
  answer([]);
  expect((await watch.read()).drives).toEqual([]);
  expect(asked).toBe(1);
});
