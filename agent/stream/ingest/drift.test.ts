import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { opusTrack } from '../../../test/support/disks/recordings.ts';
import { tinyH264 } from '../../../test/support/media/tiny-h264.ts';
import { silentLogger } from '../../base/log.ts';
import { Stream } from '../stream.ts';
import { DemuxedTrack } from './demuxed-track.ts';
import { StreamWriter } from './stream-writer.ts';
import { Timeline } from './timeline.ts';

const HOUR_MS = 3_600_000;
const FRAME_MS = 100;

type Of = 'picture' | 'sound';

interface Camera {
  /** How much faster than announced the clock of the sound runs. */
  readonly soundPpm?: number;
  readonly hours?: number;
  /** The timestamps of the sound jump when this has been captured. */
  readonly jumpMs?: number;
  /** Pictures come this far apart. */
  readonly pictureMs?: number;
  /** Delay of a packet by camera and network. */
  readonly delayMs?: (of: Of, capturedMs: number, random: number) => number;
  /** What sender reports say of a time: the clock in them, in milliseconds. Undefined: there are no reports. */
  readonly reportedMs?: ((of: Of, capturedMs: number, mediaMs: number) => number) | undefined;
}

const jitter = (_of: Of, _capturedMs: number, random: number) => 2 + 30 * random + (random > 0.99 ? 400 : 0);
const right: Camera['reportedMs'] = (_of, capturedMs) => capturedMs;

/** How far the sound is off the picture of the same moment: positive when it is late. */
function played(camera: Camera): { worstMs: number; lastMs: number; moved: number; worstSlew: number } {
  const {
    soundPpm = 0,
    hours = 2,
    jumpMs = Number.POSITIVE_INFINITY,
    pictureMs = FRAME_MS,
    delayMs = jitter,
    reportedMs,
  } = camera;
  const timeline = new Timeline(new FakeClock(), false, true);
  const tracks = { picture: timeline.addTrack(90_000, true), sound: timeline.addTrack(48_000, false) };
  const rates = { picture: 90, sound: 48 };
  const speeds = { picture: 1, sound: 1 + soundPpm * 1e-6 };
  const arrivedMs = { picture: 0, sound: 0 };
  const offMs = { picture: 0, sound: 0 };
  const shiftMs = { first: Number.NaN, last: 0, at: 0 };
  const next = random(7);
  let [worstMs, moved, worstSlew] = [0, 0, 0];
  for (let capturedMs = 0; capturedMs < hours * HOUR_MS; capturedMs += FRAME_MS) {
    for (const of of ['picture', 'sound'] as const) {
      if (of === 'picture' && capturedMs % pictureMs !== 0) {
        continue;
      }
      const track = tracks[of];
      const mediaMs = capturedMs * speeds[of];
      const jumpedMs = of === 'sound' && capturedMs >= jumpMs ? 7 * HOUR_MS : 0;
      const timestamp = Math.round((mediaMs + jumpedMs) * rates[of]) % 2 ** 32;
      arrivedMs[of] = Math.max(arrivedMs[of], capturedMs + delayMs(of, capturedMs, next()));
      const ticks = track.arrive(timestamp, arrivedMs[of]);
      if (capturedMs % 5_000 === 0 && reportedMs) {
        track.report(1e12 + reportedMs(of, capturedMs, mediaMs), timestamp);
      }
      if (of === 'sound' && capturedMs === 0) {
        timeline.align();
        timeline.open(tracks.picture.captureMs(0));
        tracks.sound.drift.begin(tracks.picture);
      }
      timeline.follow(track);
      offMs[of] = track.timeOf(ticks) / rates[of] - capturedMs;
    }
    if (capturedMs > 10_000) {
      const shift = offMs.sound - capturedMs * (speeds.sound - 1);
      shiftMs.first = Number.isNaN(shiftMs.first) ? shift : shiftMs.first;
      moved = Math.max(moved, Math.abs(shift - shiftMs.first));
      if (capturedMs - shiftMs.at >= 60_000) {
        worstSlew = Math.max(worstSlew, shiftMs.at > 0 ? Math.abs(shift - shiftMs.last) / 60_000 : 0);
        Object.assign(shiftMs, { at: capturedMs, last: shift });
      }
    }
    worstMs = Math.max(worstMs, Math.abs(offMs.sound - offMs.picture));
  }
  return { worstMs, lastMs: offMs.sound - offMs.picture, moved, worstSlew };
}

test.for([50, -50, 100, -100, 400, -400])(
  'sound whose clock is %d ppm off stays with the picture, as sender reports say, and moves by 500 ppm at most',
  (soundPpm) => {
    const { worstMs, worstSlew } = played({ soundPpm, hours: 4, reportedMs: right });
    expect(worstMs).toBeLessThan(120);
    expect(worstSlew).toBeLessThan(520e-6);
  },
);

test.for<[what: string, reportedMs: Camera['reportedMs']]>([
  ['without sender reports', undefined],
  ['with reports that count by the same wrong clock', (_of, _capturedMs, mediaMs) => mediaMs],
])('%s sound whose clock drifts stays within 0.4 s, by its arrival', ([, reportedMs]) => {
  for (const soundPpm of [100, -200]) {
    expect(played({ soundPpm, hours: 6, reportedMs }).worstMs).toBeLessThan(400);
  }
});

test('sound whose clock is further off than any crystal stays within a few seconds', () => {
  for (const soundPpm of [1_500, -1_500, 4_000, -4_000]) {
    expect(played({ soundPpm, hours: 3, reportedMs: right }).worstMs, `${soundPpm} ppm`).toBeLessThan(7_000);
    expect(played({ soundPpm, hours: 3 }).worstMs, `${soundPpm} ppm, no reports`).toBeLessThan(7_000);
  }
});

test('what a late packet is wrong by when the timestamps of sound jump is corrected as far as arrival is certain', () => {
  const delayMs: Camera['delayMs'] = (_of, ms) => (ms === HOUR_MS ? 450 : 5);
  const { worstMs, lastMs } = played({ soundPpm: 100, jumpMs: HOUR_MS, delayMs, reportedMs: right });
  expect(worstMs).toBeGreaterThan(400);
  expect(Math.abs(lastMs)).toBeLessThan(350);
});

test.for<[what: string, camera: Camera]>([
  ['jitter', {}],
  ['heavy jitter', { delayMs: (_of, _ms, random) => 500 * random }],
  ['sound that comes in bursts', { delayMs: (of, ms) => (of === 'sound' ? 2_000 - (ms % 2_000) : 5) }],
  ['a picture every five seconds', { pictureMs: 5_000 }],
  [
    'a network that holds everything for 4 s now and then',
    { delayMs: (_of, ms) => Math.max(5, 4_000 - (ms % 600_000)) },
  ],
  [
    'a network that is slow for half an hour',
    {
      delayMs: (of, ms, random) =>
        (ms > HOUR_MS && ms < 1.5 * HOUR_MS ? 900 : 5) + (of === 'picture' ? 90 : 20) * random,
    },
  ],
  [
    'pictures that a camera delays by 0.25 s at night',
    { delayMs: (of, ms) => (of === 'picture' && ms > HOUR_MS ? 255 : 5) },
  ],
])('sound that is right is left alone: %s', ([, camera]) => {
  expect(played(camera).moved, 'without sender reports').toBeLessThan(0.1);
  expect(played({ ...camera, reportedMs: right }).moved, 'with sender reports').toBeLessThan(0.1);
});

test.for<[what: string, clockMs: (capturedMs: number) => number]>([
  ['is 0.2 s off', () => 200],
  ['is hours off', () => 7 * HOUR_MS],
  ['is set by 0.2 s', (ms) => (ms > HOUR_MS ? 200 : 0)],
  ['is set by hours', (ms) => (ms > HOUR_MS ? 7 * HOUR_MS : 0)],
  ['drifts', (ms) => ms * 300e-6],
  ['goes back and forth', (ms) => (ms % 20_000 === 0 ? 900 : -900)],
])('sound that is right is left alone where the clock of its sender reports alone %s', ([, clockMs]) => {
  const reportedMs: Camera['reportedMs'] = (of, ms) => ms + (of === 'sound' ? clockMs(ms) : 0);
  expect(played({ reportedMs }).moved).toBeLessThan(0.1);
});

test('wrong sender reports do not confirm that sound drifts while a camera delays its pictures', () => {
  const delayMs: Camera['delayMs'] = (of, ms) => (of === 'picture' && ms > HOUR_MS ? 255 : 5);
  const reportedMs: Camera['reportedMs'] = (of, ms) => ms + (of === 'sound' && ms > 1.2 * HOUR_MS ? 400 : 0);
  expect(played({ delayMs, reportedMs }).moved).toBeLessThan(0.1);
});

test('without pictures nothing is compared', () => {
  expect(played({ soundPpm: 60, pictureMs: 1.9 * HOUR_MS }).moved).toBeLessThan(0.1);
});

test('the tracks of a container have one clock: they stay as they are, however they arrive', () => {
  const clock = new FakeClock();
  const timeline = new Timeline(clock, false, true);
  const tracks: DemuxedTrack[] = [];
  const soundMs: number[] = [];
  const publish = (of: ConstructorParameters<typeof Stream>[0]): Stream => {
    const stream = new Stream(of);
    const onSample = (track: number, { pts }: { readonly pts: number }) => track === 1 && soundMs.push(pts / 48);
    stream.addReader({ id: 'test', countsHolds: true, onSample, onTrack: () => {}, onEnd: () => {} }, false);
    return stream;
  };
  const writer = new StreamWriter({ publish }, timeline, tracks, 'garden', silentLogger, 'publisher');
  const picture = new DemuxedTrack('H264', true, 90_000, timeline, writer, clock);
  const sound = new DemuxedTrack('Opus', false, 90_000, timeline, writer, clock);
  tracks.push(picture, sound);
  picture.onTrack(tinyH264);
  sound.onTrack(opusTrack);
  for (let atMs = 0; atMs < 2 * HOUR_MS; atMs += FRAME_MS) {
    const pictureTicks = picture.arrive(90 * atMs);
    picture.onUnit(pictureTicks, pictureTicks, true, new Uint8Array(9));
    const ticks = sound.arrive(Math.round(90 * atMs * 0.9999));
    sound.onUnit(ticks, ticks, true, new Uint8Array(9));
    clock.skip(FRAME_MS);
  }
  expect(soundMs.at(-1)).toBeCloseTo((2 * HOUR_MS - FRAME_MS) * 0.9999, 0);
});
