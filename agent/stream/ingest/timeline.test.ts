import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { Timeline } from './timeline.ts';
import type { TrackTimeline } from './track-timeline.ts';

const HOUR_MS = 3_600_000;

interface Camera {
  /** Ticks per second of the RTP clock as it says, and how much faster it really runs. */
  readonly rate: number;
  readonly driftPpm: number;
  readonly frameMs: number;
  readonly jitterMs: number;
  readonly firstTimestamp: number;
}

const camera: Camera = { rate: 90_000, driftPpm: 0, frameMs: 40, jitterMs: 30, firstTimestamp: 0xffff_0000 };

/** Frames of a camera, as they arrive; only the test knows `capturedMs`. */
function* frames(from: Camera, durationMs: number, seed: number) {
  const next = random(seed);
  let arrivedMs = 0;
  for (let capturedMs = 0; capturedMs < durationMs; capturedMs += from.frameMs) {
    const ticks = (capturedMs * from.rate * (1 + from.driftPpm * 1e-6)) / 1000;
    const timestamp = (from.firstTimestamp + Math.round(ticks)) % 2 ** 32;
    // Mostly on time, sometimes very late, never out of order: TCP.
    const delayMs = 2 + next() * from.jitterMs + (next() < 0.01 ? 400 : 0);
    arrivedMs = Math.max(arrivedMs, capturedMs + delayMs);
    yield { capturedMs, arrivedMs, timestamp };
  }
}

function opened(rate = 90_000, hasReordering = false): { timeline: Timeline; track: TrackTimeline } {
  const timeline = new Timeline(new FakeClock());
  return { timeline, track: timeline.addTrack(rate, hasReordering) };
}

test.for([
  [0, 1],
  [200, 2],
  [-200, 3],
] as const)(
  'over two hours with a drift of %d ppm, capture time stays within 12 ms and moves by 500 ppm at most',
  ([driftPpm, seed]) => {
    const { timeline, track } = opened();
    let mark = { captureMs: 0, ticks: 0 };
    let lastMs = 0;
    let worstMs = 0;
    let worstSlew = 0;
    for (const { capturedMs, arrivedMs, timestamp } of frames(
      { ...camera, driftPpm, frameMs: 100 },
      2 * HOUR_MS,
      seed,
    )) {
      const ticks = track.arrive(timestamp, arrivedMs);
      if (capturedMs === 0) {
        timeline.open(track.captureMs(ticks));
      }
      const captureMs = track.captureMs(ticks);
      expect(captureMs).toBeGreaterThanOrEqual(lastMs);
      lastMs = captureMs;
      if (capturedMs >= 10_000) {
        worstMs = Math.max(worstMs, Math.abs(captureMs - capturedMs));
        if (capturedMs % 10_000 === 0) {
          const mediaMs = (ticks - mark.ticks) / 90;
          worstSlew = Math.max(
            worstSlew,
            mark.ticks === 0 ? 0 : Math.abs(captureMs - mark.captureMs - mediaMs) / mediaMs,
          );
          mark = { captureMs, ticks };
        }
      }
    }
    expect(worstMs).toBeLessThan(12);
    // Measured between arrivals, which a late packet sets up to 0.4 s further apart than 10 s.
    expect(worstSlew).toBeLessThanOrEqual(500e-6 * 1.05);
    expect(track.jumps).toBe(0);
  },
);

test('a camera that was silent for an hour while its clock ran on has not jumped', () => {
  const { track } = opened();
  const first = track.arrive(0, 0);
  expect(track.arrive((HOUR_MS * 90) % 2 ** 32, HOUR_MS) - first).toBe(HOUR_MS * 90);
  expect(track.jumps).toBe(0);
});

test('a new sender continues after the old one, with any timestamps', () => {
  const { track } = opened();
  const first = track.arrive(500_000, 0);
  track.restart();
  expect(track.arrive(499_000, 40) - first).toBe(3600);
  expect(track.arrive(502_600, 80) - first).toBe(7200);
});

/** Video at once, sound 700 ms after its capture: only the sender reports know. */
function twoTracks(reports: (video: TrackTimeline, sound: TrackTimeline) => void): number {
  const timeline = new Timeline(new FakeClock());
  const video = timeline.addTrack(90_000, true);
  const sound = timeline.addTrack(8000, false);
  const videoTicks = video.arrive(90_000, 1000);
  const soundTicks = sound.arrive(8000, 1700);
  reports(video, sound);
  timeline.align();
  timeline.open(Math.min(video.captureMs(videoTicks), sound.captureMs(soundTicks)));
  return sound.timeOf(soundTicks) / 8 - video.timeOf(videoTicks) / 90;
}

test('a reopened stream forgets the delays of the former one', () => {
  const { timeline, track } = opened();
  const ticks = track.arrive(0, 1_000);
  timeline.open(1_000);
  track.delay(2_000);
  expect(track.timeOf(ticks)).toBe(180_000);
  timeline.open(1_000);
  expect(track.timeOf(ticks)).toBe(0);
  track.delay(1_000);
  expect(track.timeOf(ticks)).toBe(90_000);
});

test('sender reports synchronize audio and video before the stream opens', () => {
  const skewMs = twoTracks((video, sound) => {
    video.report(1_000_000, 90_000);
    sound.report(1_000_500, 8000 + 4000);
  });
  expect(skewMs).toBeCloseTo(0, 3);
});

test('a sender report before the first packet of its track counts', () => {
  const timeline = new Timeline(new FakeClock());
  const video = timeline.addTrack(90_000, false);
  const sound = timeline.addTrack(8000, false);
  video.report(1_000_000, 90_000);
  sound.report(1_000_500, 8000 + 4000);
  const picture = video.arrive(90_000, 1_000);
  const packet = sound.arrive(8000, 1_700);
  timeline.align();
  // By their arrival they are 700 ms apart; the camera says that they are of the same moment.
  expect(sound.captureMs(packet) - video.captureMs(picture)).toBeCloseTo(0, 3);
});

test('without sender reports arrival decides, and so it does against nonsense', () => {
  expect(twoTracks(() => {})).toBeCloseTo(700, 3);
  expect(twoTracks((video) => video.report(1_000_000, 90_000))).toBeCloseTo(700, 3);
  const nonsense = twoTracks((video, sound) => {
    video.report(1_000_000, 90_000);
    sound.report(9_000_000, 8000);
  });
  expect(nonsense).toBeCloseTo(700, 3);
});

test('a sender report after the stream has opened changes nothing', () => {
  const { timeline, track } = opened();
  const ticks = track.arrive(90_000, 1000);
  timeline.open(track.captureMs(ticks));
  track.report(5_000_000, 90_000);
  timeline.align();
  expect(track.timeOf(ticks)).toBe(0);
  expect(track.captureMs(ticks)).toBe(1000);
});

interface Arrival {
  readonly of: 'picture' | 'sound';
  readonly capturedMs: number;
  readonly atMs: number;
}

/** Samples each `stepMs`, kept from before for this long: those come together, the others when they are captured. */
function arrivalsOf(of: Arrival['of'], stepMs: number, keptMs: number): Arrival[] {
  const first = -Math.floor(keptMs / stepMs);
  return Array.from({ length: 4_000 / stepMs }, (_, i) => {
    const capturedMs = (first + i) * stepMs;
    return { of, capturedMs, atMs: Math.max(capturedMs, 0) };
  });
}

/** How far the sound is off the picture in the end, of a stream that opens as `StreamWriter` does. */
function skewMs(arrivals: readonly Arrival[]): number {
  const timeline = new Timeline(new FakeClock(), false, true);
  const tracks = { picture: timeline.addTrack(90_000, true), sound: timeline.addTrack(8_000, false) };
  const rates = { picture: 90, sound: 8 };
  const offMs = { picture: Number.NaN, sound: Number.NaN };
  let isOpen = false;
  for (const { of, capturedMs, atMs } of arrivals.toSorted((a, b) => a.atMs - b.atMs)) {
    const track = tracks[of];
    const ticks = track.arrive(1_000_000 + capturedMs * rates[of], atMs);
    if (!isOpen && tracks.picture.hasArrived && tracks.sound.hasArrived && !timeline.isInBurst) {
      isOpen = true;
      timeline.align();
      timeline.open(Math.min(...Object.values(tracks).map((one) => one.captureMs(one.newestTicks))));
    }
    if (isOpen) {
      timeline.follow(track);
      const before = offMs[of];
      offMs[of] = track.timeOf(ticks) / rates[of] - capturedMs;
      expect(offMs[of] - before, 'nothing is set back').not.toBeLessThan(-0.5);
    }
  }
  return offMs.sound - offMs.picture;
}

test.for<[what: string, arrivals: readonly Arrival[]]>([
  ['nothing kept', [...arrivalsOf('picture', 40, 0), ...arrivalsOf('sound', 20, 0)]],
  ['both kept, the pictures ahead', [...arrivalsOf('picture', 40, 2_000), ...arrivalsOf('sound', 20, 2_000)]],
  ['both kept, the sound ahead', [...arrivalsOf('sound', 20, 2_000), ...arrivalsOf('picture', 40, 2_000)]],
  [
    'both kept, in the order of their captures',
    [...arrivalsOf('picture', 40, 2_000), ...arrivalsOf('sound', 20, 2_000)].toSorted(
      (a, b) => a.capturedMs - b.capturedMs,
    ),
  ],
  ['pictures kept, sound after them', [...arrivalsOf('picture', 40, 2_000), ...arrivalsOf('sound', 20, 0)]],
  ['pictures kept, sound ahead of them', [...arrivalsOf('sound', 20, 0), ...arrivalsOf('picture', 40, 2_000)]],
  ['sound kept, pictures ahead of it', [...arrivalsOf('picture', 40, 0), ...arrivalsOf('sound', 20, 1_500)]],
])('audio and video of a camera that begins with a burst stay in sync: %s', ([, arrivals]) => {
  expect(Math.abs(skewMs(arrivals))).toBeLessThan(45);
});

test('AAC frames keep their length where the RTP clock is not the sample rate', () => {
  const { timeline, track } = opened();
  track.clockRate = 44_100;
  let last = -1024;
  for (let frame = 0; frame < 5_000; frame += 1) {
    const timestamp = Math.round((frame * 1024 * 90_000) / 44_100);
    const ticks = track.arrive(timestamp, (frame * 1024) / 44.1);
    if (frame === 0) {
      timeline.open(track.captureMs(ticks));
    }
    const pts = track.timeOf(ticks);
    expect(Math.abs(pts - last - 1024)).toBeLessThanOrEqual(1);
    last = pts;
  }
  expect(Math.abs(last - 4_999 * 1024)).toBeLessThanOrEqual(1);
});

test('a burst of kept pictures at the start does not make later labels late', () => {
  const { track } = opened();
  let ticks = 0;
  for (let frame = 0; frame < 100; frame += 1) {
    // Two seconds of pictures within the first ten milliseconds, then live.
    ticks = track.arrive(frame * 3600, Math.max(2000 + frame * 0.2, frame * 40));
  }
  expect(track.captureMs(ticks)).toBeCloseTo(99 * 40, 0);
});

test('a step of the wall clock is followed at once', () => {
  const clock = new FakeClock();
  const timeline = new Timeline(clock);
  const track = timeline.addTrack(90_000, true);
  const ticks = track.arrive(0, clock.monoMs());
  const before = timeline.wallMs(track, ticks);
  clock.stepWall(HOUR_MS);
  expect(timeline.wallMs(track, ticks) - before).toBe(HOUR_MS);
});

test.for([
  ['stand still', 5_100, () => 7],
  ['count milliseconds', 20_000, (i: number) => i * 40],
  ['stood still for eight seconds', 5_100, (i: number) => 3600 * (i < 500 ? i : Math.max(500, i - 200))],
] as const)('timestamps that %s do not stop time', ([, limitMs, timestampOf]) => {
  const { timeline, track } = opened(90_000, true);
  const pictures = 3_000;
  let lastTicks = 0;
  for (let i = 0; i < pictures; i += 1) {
    const ticks = track.arrive(timestampOf(i), i * 40);
    if (i === 0) {
      timeline.open(track.captureMs(ticks));
    }
    expect(ticks).toBeGreaterThanOrEqual(lastTicks);
    lastTicks = ticks;
  }
  const realMs = pictures * 40;
  expect(Math.abs(track.timeOf(lastTicks) / 90 - realMs)).toBeLessThan(limitMs);
  expect(Math.abs(track.captureMs(lastTicks) - realMs)).toBeLessThan(limitMs);
  expect(track.jumps).toBeGreaterThan(0);
});

test('a network that holds everything back for six seconds and then lets it go moves nothing', () => {
  const { timeline, track } = opened();
  for (let i = 0; i < 3_000; i += 1) {
    const capturedMs = i * 40;
    const ticks = track.arrive(i * 3600, capturedMs >= 20_000 && capturedMs < 26_000 ? 26_000 : capturedMs);
    if (i === 0) {
      timeline.open(track.captureMs(ticks));
    }
    expect(track.timeOf(ticks)).toBe(i * 3600);
  }
});

test.for([
  [-9_999, true, -9_999],
  [9_999, true, 9_999],
  [10_001, true, 0],
  [-9 * HOUR_MS, true, 0],
  [9_999, false, 0],
] as const)(
  'a camera whose clock is %d ms off: with useAbsoluteTimestamp %s labels are %d ms off, and the offset is known',
  ([offMs, usesSenderClock, labelOffMs]) => {
    const clock = new FakeClock();
    const timeline = new Timeline(clock, usesSenderClock);
    const track = timeline.addTrack(90_000, true);
    const first = track.arrive(900_000, clock.monoMs());
    expect(timeline.clockOffsetMs).toBeUndefined();
    expect(timeline.wallMs(track, first)).toBeCloseTo(clock.wallMs(), 3);
    track.report(clock.wallMs() + offMs, 900_000);
    expect(timeline.clockOffsetMs).toBeCloseTo(offMs, 3);
    expect(timeline.wallMs(track, first + 90_000)).toBeCloseTo(clock.wallMs() + 1000 + labelOffMs, 3);
  },
);

test('labels do not go back and forth where the camera’s clock is ten seconds off, give or take what reports are off by', () => {
  const clock = new FakeClock();
  const timeline = new Timeline(clock, true);
  const track = timeline.addTrack(90_000, false);
  let changes = 0;
  let wasTheirs = true;
  for (let i = 0; i < 100; i += 1) {
    const ticks = track.arrive(90_000 * i, clock.monoMs() + 1_000 * i);
    const oursMs = clock.wallMs() + 1_000 * i;
    track.report(oursMs + 10_000 + (i % 2 === 0 ? -5 : 5), 90_000 * i);
    const isTheirs = timeline.wallMs(track, ticks) - oursMs > 5_000;
    changes += isTheirs === wasTheirs ? 0 : 1;
    wasTheirs = isTheirs;
  }
  expect([changes, wasTheirs]).toEqual([1, false]);
});

test('sound that begins in a later turn of a short file jumps as far as the pictures', () => {
  const timeline = new Timeline(new FakeClock(), false, true);
  const [pictures, sound] = [timeline.addTrack(90_000, true), timeline.addTrack(48_000, true)];
  const tracks = [pictures, sound];
  for (const track of tracks) {
    track.peers = tracks;
  }
  pictures.arrive(90_000, 0);
  timeline.open(0);
  const apartMs: number[] = [];
  for (let atMs = 40; atMs < 15_000; atMs += 40) {
    const fileMs = 1_000 + (atMs % 3_000);
    const picturesMs = pictures.timeOf(pictures.arrive(fileMs * 90, atMs)) / 90;
    if (atMs >= 4_000) {
      apartMs.push(sound.timeOf(sound.arrive(fileMs * 48, atMs)) / 48 - picturesMs);
    }
  }
  expect(apartMs.length).toBe(275);
  expect(Math.max(...apartMs.map(Math.abs))).toBeLessThan(10);
});
