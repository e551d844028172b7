import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import type { Sample } from '../media/sample/sample.ts';
import { Pacer } from './pacer.ts';

function setup() {
  const clock = new FakeClock();
  const out: { pts: number; atMs: number }[] = [];
  const pacer = new Pacer(20, clock, ({ pts }) => out.push({ pts, atMs: clock.monoMs() }));
  let pts = 0;
  const burst = (count: number): void => {
    for (let i = 0; i < count; i += 1) {
      pacer.take({ pts, dts: pts, wall: pts / 48, key: true, data: new Uint8Array(1) } satisfies Sample);
      pts += 960;
    }
  };
  const gaps = () => out.slice(1).map(({ atMs }, i) => atMs - (out[i]?.atMs ?? 0));
  return { clock, out, pacer, burst, gaps };
}

test('frames that arrive in real time pass at once', async () => {
  const { clock, out, burst } = setup();
  for (let i = 0; i < 50; i += 1) {
    burst(1);
    expect(out).toHaveLength(i + 1);
    await clock.advance(20);
  }
  expect(clock.sleeping).toBe(0);
});

test.for([
  ['a frame of AAC at 16 kHz', 3],
  ['a frame of AAC at 8 kHz', 6],
  ['a packet from ffmpeg', 35],
] as const)('the frames of %s leave one by one, in order, before the next burst', async ([, count]) => {
  const { clock, out, burst, gaps } = setup();
  for (let i = 0; i < 10; i += 1) {
    burst(count);
    for (let ms = 0; ms < 20 * count; ms += 1) {
      await clock.advance(1);
    }
    expect(out).toHaveLength((i + 1) * count);
  }
  expect(out.map(({ pts }) => pts)).toEqual(out.map((_, i) => 960 * i));
  expect(Math.min(...gaps())).toBeGreaterThanOrEqual(10);
  expect(Math.max(...gaps())).toBeLessThanOrEqual(20 + 2 * count + 10);
});

test('after a stall the oldest frames are dropped instead of a burst', async () => {
  const { clock, out, burst } = setup();
  burst(200);
  await clock.advance(2_000);
  expect(out.length).toBeLessThanOrEqual(77);
  expect(out.at(-1)?.pts).toBe(199 * 960);
});

test('close drops the queued frames', async () => {
  const { clock, out, pacer, burst } = setup();
  burst(10);
  pacer.close();
  await clock.advance(1_000);
  expect([out.length, clock.sleeping]).toEqual([1, 0]);
});
