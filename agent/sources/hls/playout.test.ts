import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { Playout } from './playout.ts';

const CLOCK_HZ = 1_000;
/** Times of the playout begin here. */
const ORIGIN = 10_000;
const data = new Uint8Array(1);

function setUp() {
  const clock = new FakeClock();
  const released: { atMs: number; name: string; dts: number }[] = [];
  const errors: unknown[] = [];
  const playout = new Playout(clock, (cause) => errors.push(cause));
  const add = (name: string) =>
    playout.addTrack(
      {
        onUnit: (_pts, dts) => released.push({ atMs: clock.monoMs(), name, dts: dts - ORIGIN }),
        onTrack: () => {},
        onDamage: () => {},
      },
      CLOCK_HZ,
    );
  return { clock, playout, released, add };
}

test('units are released by their times, however early they come', async () => {
  const { clock, playout, released, add } = setUp();
  const [video, audio] = [add('video'), add('audio')];
  for (let i = 0; i < 10; i += 1) {
    video.onUnit(5_000 + 100 * i, 5_000 + 100 * i, true, data);
    audio.onUnit(5_010 + 100 * i, 5_010 + 100 * i, true, data);
  }
  playout.start();
  await clock.advance(500);
  expect(released.map(({ name, dts, atMs }) => [name, dts, atMs]).slice(0, 4)).toEqual([
    ['video', 0, 20],
    ['audio', 10, 20],
    ['video', 100, 100],
    ['audio', 110, 120],
  ]);
  expect(released.at(-1)).toMatchObject({ dts: 500 });
  playout.stop();
});

test('after a discontinuity the times continue, and tracks stay in sync', async () => {
  const { clock, playout, released, add } = setUp();
  const [video, audio] = [add('video'), add('audio')];
  const play = (timeline: number, from: number) => {
    for (const track of [video, audio]) {
      track.timeline = timeline;
      for (let i = 0; i < 5; i += 1) {
        track.onUnit(from + 40 * i, from + 40 * i, true, data);
      }
    }
  };
  play(0, 900_000);
  play(1, 50);
  playout.start();
  await clock.advance(1_000);
  for (const name of ['video', 'audio']) {
    const times = released.filter((unit) => unit.name === name).map(({ dts }) => dts);
    expect(times).toEqual([0, 40, 80, 120, 160, 200, 240, 280, 320, 360]);
  }
  playout.stop();
});

test('times that jump without a discontinuity continue', async () => {
  const { clock, playout, released, add } = setUp();
  const video = add('video');
  for (const time of [0, 40, 90_000, 90_040]) {
    video.onUnit(time, time, true, data);
  }
  playout.start();
  await clock.advance(1_000);
  expect(released.map(({ dts }) => dts)).toEqual([0, 40, 80, 120]);
  playout.stop();
});

test('a late segment pauses playback, and the delay stays', async () => {
  const { clock, playout, released, add } = setUp();
  const video = add('video');
  video.onUnit(0, 0, true, data);
  playout.start();
  await clock.advance(500);
  video.onUnit(100, 100, true, data);
  video.onUnit(200, 200, true, data);
  await clock.advance(500);
  expect(released.map(({ atMs }) => atMs)).toEqual([20, 520, 600]);
  playout.stop();
});

test('at most twenty seconds are buffered', async () => {
  const { clock, playout, add } = setUp();
  const video = add('video');
  for (let i = 0; i < 30; i += 1) {
    video.onUnit(1_000 * i, 1_000 * i, true, data);
  }
  playout.start();
  const signal = new AbortController().signal;
  let hasRoom = false;
  void playout.room(video.lastMs, signal).then(() => {
    hasRoom = true;
  });
  await clock.advance(8_000);
  expect(hasRoom).toBe(false);
  await clock.advance(2_000);
  expect(hasRoom).toBe(true);
  playout.stop();
});
