import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { DemoStreams, encodeALaw, SOUND_PACKET_SAMPLES, type StreamListener, soundPacket } from './demo-streams.ts';

interface Heard {
  readonly kind: 'video' | 'sound';
  readonly bytes: number;
  readonly nalTypes: number[];
  readonly ticks: number;
  readonly unixMs: number;
}

class Recorder implements StreamListener {
  readonly all: Heard[] = [];

  onVideo(unit: Uint8Array, ticks: number, unixMs: number): void {
    const nalTypes: number[] = [];
    const view = new DataView(unit.buffer, unit.byteOffset, unit.length);
    for (let at = 0; at < unit.length; at += 4 + view.getUint32(at)) {
      nalTypes.push(view.getUint8(at + 4) & 0x1f);
    }
    this.all.push({ kind: 'video', bytes: unit.length, nalTypes, ticks, unixMs });
  }

  onSound(packet: Uint8Array, ticks: number, unixMs: number): void {
    this.all.push({ kind: 'sound', bytes: packet.length, nalTypes: [], ticks, unixMs });
  }

  get video(): Heard[] {
    return this.all.filter(({ kind }) => kind === 'video');
  }

  get sound(): Heard[] {
    return this.all.filter(({ kind }) => kind === 'sound');
  }
}

const SIZES = new Map([
  ['main', [640, 360]],
  ['sub', [320, 180]],
] as const);
const steps = (values: readonly number[]) => values.slice(1).map((value, i) => value - (values[i] ?? 0));

test('video has 15 frames a second and audio 50 packets, on one clock', async () => {
  const clock = new FakeClock();
  const recorder = new Recorder();
  const leave = new DemoStreams(clock, SIZES).listen('main', recorder);
  await clock.advance(2000);
  leave();
  const { video, sound } = recorder;
  expect(video.length).toBe(31);
  expect(new Set(steps(video.map(({ ticks }) => ticks)))).toEqual(new Set([6000]));
  expect(sound.length).toBe(100);
  expect(new Set(steps(sound.map(({ ticks }) => ticks)))).toEqual(new Set([160]));
  const startMs = Date.UTC(2026, 0, 1);
  expect(video.every(({ ticks, unixMs }) => Math.abs(unixMs - startMs - ticks / 90) < 0.001)).toBe(true);
  expect(sound.every(({ ticks, unixMs }) => Math.abs(unixMs - startMs - ticks / 8) < 0.001)).toBe(true);
});

test('a key picture with its parameter sets is first, then every four seconds', async () => {
  const clock = new FakeClock();
  const recorder = new Recorder();
  const leave = new DemoStreams(clock, SIZES).listen('sub', recorder);
  await clock.advance(8000);
  leave();
  const keys = recorder.video.flatMap(({ nalTypes }, i) => (nalTypes.join() === '7,8,5' ? [i] : []));
  expect(keys).toEqual([0, 60, 120]);
  expect(recorder.video.every(({ nalTypes }, i) => keys.includes(i) || nalTypes.join() === '1')).toBe(true);
});

test('a client that joins later gets a key picture at once, without effect on the other profile', async () => {
  const clock = new FakeClock();
  const feed = new DemoStreams(clock, SIZES);
  const [first, second, other] = [new Recorder(), new Recorder(), new Recorder()];
  const leaves = [feed.listen('main', first), feed.listen('sub', other)];
  await clock.advance(1000);
  leaves.push(feed.listen('main', second));
  await clock.advance(70);
  expect(second.video[0]?.nalTypes).toEqual([7, 8, 5]);
  expect(first.video.at(-1)).toEqual(second.video.at(-1));
  expect(other.video.filter(({ nalTypes }) => nalTypes.includes(5)).length).toBe(1);
  for (const leave of leaves) {
    leave();
  }
});

test('no frames are generated without a client, and the RTP clock continues for the next one', async () => {
  const clock = new FakeClock();
  const feed = new DemoStreams(clock, SIZES);
  const recorder = new Recorder();
  feed.listen('main', recorder)();
  await clock.advance(10_000);
  expect(recorder.all).toEqual([]);
  const leave = feed.listen('main', recorder);
  await clock.advance(100);
  leave();
  expect(recorder.video[0]?.ticks).toBe(900_000);
  const { length } = recorder.all;
  await clock.advance(1000);
  expect(recorder.all.length).toBe(length);
});

test('a step of the wall clock is shown at once, and the RTP clock does not follow it', async () => {
  const clock = new FakeClock();
  const recorder = new Recorder();
  const leave = new DemoStreams(clock, SIZES).listen('main', recorder);
  await clock.advance(1000);
  clock.stepWall(3_600_000);
  await clock.advance(1000);
  leave();
  const { video } = recorder;
  expect(Math.round((video.at(-1)?.unixMs ?? 0) - (video[0]?.unixMs ?? 0))).toBe(3_602_000);
  expect(new Set(steps(video.map(({ ticks }) => ticks)))).toEqual(new Set([6000]));
});

const SILENCE = 0xd5;
const SECOND_MS = Date.UTC(2026, 10, 20, 12, 0, 1);

// As ffmpeg's pcm_alaw encodes them; every second bit is inverted.
test.for([
  [0, 0xd5],
  [-1, 0x55],
  [8, 0xd5],
  [24, 0xd4],
  [520, 0xf5],
  [1056, 0xe5],
  [16_700, 0xa5],
  [-16_700, 0x25],
  [32_767, 0xaa],
  [-32_768, 0x2a],
] as const)('%i is A-law %i', ([sample, byte]) => {
  expect(encodeALaw(sample)).toBe(byte);
});

test('it ticks in the first 30 ms of every second and is silent else', () => {
  const sound: number[] = [];
  for (let ms = -100; ms < 1100; ms += 20) {
    sound.push(...soundPacket(SECOND_MS + ms));
  }
  const loud = sound.flatMap((byte, i) => (byte === SILENCE ? [] : [i / 8 - 100]));
  const first = loud.filter((ms) => ms < 500);
  const second = loud.filter((ms) => ms >= 500);
  expect([first[0], first.at(-1)]).toEqual([0.125, 29.875]);
  expect([second[0], second.at(-1)]).toEqual([1000.125, 1029.875]);
});

test('two packets of one tick continue without a jump', () => {
  const whole = [...soundPacket(SECOND_MS), ...soundPacket(SECOND_MS + 20)];
  const shifted = [...soundPacket(SECOND_MS - 13.5), ...soundPacket(SECOND_MS + 6.5)];
  expect(shifted.slice(108)).toEqual(whole.slice(0, 2 * SOUND_PACKET_SAMPLES - 108));
});
