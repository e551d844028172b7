import { expect, test } from 'vitest';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { parseFragment } from '../../../media/mp4/read/read.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { AacTrack, OpusTrack, Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import type { MuxerOptions } from '../contracts/hls-muxer.ts';
import { Muxer } from './muxer.ts';
import { FULL_PART } from './part-target.ts';

const opus: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const aac: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 44_100,
  channels: 2,
  config: Uint8Array.of(0x12, 0x10),
  frameSamples: 1024,
};
const OPTIONS: MuxerOptions = {
  prefix: 'p',
  variant: 'lowLatency',
  segmentCount: 7,
  segmentDurationMs: 1000,
  partDurationMs: 200,
  segmentMaxBytes: 1 << 20,
};

function setup(tracks: readonly Track[], kept: readonly Sample[] = [], options: Partial<MuxerOptions> = {}) {
  const stream = new Stream(tracks);
  for (const sample of kept) {
    stream.write(0, sample);
  }
  const ends: unknown[] = [];
  const muxer = new Muxer('cam', stream, { ...OPTIONS, ...options }, (cause) => ends.push(cause));
  muxer.start();
  return { stream, muxer, ends };
}

const playlistOf = (muxer: Muxer, place = 0) => {
  const playlist = muxer.renditions[place]?.playlist;
  if (!playlist?.running) {
    throw new Error('no playlist');
  }
  return { ...playlist, running: playlist.running };
};

/** All parts that are listed, oldest first. */
const partsOf = (muxer: Muxer, place = 0) => {
  const { segments, running } = playlistOf(muxer, place);
  return [...segments.flatMap(({ parts }) => parts), ...running.parts];
};

const round = (seconds: number): number => Number(seconds.toFixed(4));

/** Pictures with these intervals in milliseconds; a key picture every `gop`. */
function pacedVideo(intervalsMs: readonly number[], gop: number): Sample[] {
  let atMs = 0;
  return tinyVideo(intervalsMs.length, 25, gop).map((picture, i) => {
    const pts = Math.round(atMs * 90);
    atMs += intervalsMs[i] ?? 0;
    return { ...picture, pts, dts: pts };
  });
}

test('all segments have parts, the first one too; segments count from 1, parts from 0', () => {
  const pictures = tinyVideo(100, 25, 25);
  const { stream, muxer } = setup([tinyH264]);
  for (const picture of pictures) {
    stream.write(0, picture);
  }
  const { segments, running, partTargetS } = playlistOf(muxer);
  expect(partTargetS).toBe(0.216);
  expect(segments.map(({ name, parts }) => [name, parts.length])).toEqual([
    ['p_video1_seg1.mp4', 0],
    ['p_video1_seg2.mp4', 5],
    ['p_video1_seg3.mp4', 5],
  ]);
  // The parts of the first segment are no longer listed.
  expect(partsOf(muxer).map(({ name }) => name)).toEqual(
    Array.from({ length: 14 }, (_, i) => `p_video1_part${i + 5}.mp4`),
  );
  expect(running).toMatchObject({ number: 4, nextPartName: 'p_video1_part19.mp4', isDiscontinuity: false });
  expect(partsOf(muxer).map(({ durationS }) => durationS)).toEqual(Array.from({ length: 14 }, () => 0.2));
});

test('a segment is the concatenation of its parts, each contiguous', () => {
  const { stream, muxer } = setup([tinyH264]);
  for (const picture of tinyVideo(60, 25, 25)) {
    stream.write(0, picture);
  }
  const [, segment] = playlistOf(muxer).segments;
  const parts = segment?.parts.map(({ name }) => muxer.file(name));
  expect(parts?.every((part) => part?.pieces.length === 1)).toBe(true);
  const whole = Buffer.concat(muxer.file(segment?.name ?? '')?.pieces ?? []);
  expect(Buffer.concat(parts?.flatMap((part) => part?.pieces ?? []) ?? [])).toEqual(whole);
  const runs = parts?.map((part) => parseFragment(part?.pieces[0] ?? new Uint8Array())?.runs[0]);
  expect(runs?.map((run) => run?.baseTime)).toEqual([0, 1, 2, 3, 4].map((i) => 990_000 + i * 18_000));
});

test('a part is available when the next picture arrives, under the hinted name', async () => {
  const pictures = tinyVideo(60, 25, 25);
  const { stream, muxer } = setup([tinyH264], pictures.slice(0, 25));
  stream.write(0, pictures[25] as Sample);
  expect(playlistOf(muxer).running.nextPartName).toBe('p_video1_part5.mp4');
  expect(muxer.awaiting('p_video1_part5.mp4')?.name).toBe('video1');
  expect(muxer.awaiting('p_video1_part6.mp4')).toBeUndefined();
  let isThere = false;
  const change = muxer.renditions[0]?.changed().then(() => {
    isThere = true;
  });
  for (const picture of pictures.slice(26, 30)) {
    stream.write(0, picture);
  }
  await Promise.resolve();
  expect([isThere, muxer.file('p_video1_part5.mp4')]).toEqual([false, undefined]);
  stream.write(0, pictures[30] as Sample);
  await change;
  expect(muxer.file('p_video1_part5.mp4')?.type).toBe('video/mp4');
  expect(muxer.awaiting('p_video1_part5.mp4')).toBeUndefined();
});

test('a playlist that was taken never changes', () => {
  const pictures = tinyVideo(80, 25, 50);
  const { stream, muxer } = setup([tinyH264], pictures.slice(0, 40));
  const taken = playlistOf(muxer);
  const text = JSON.stringify(taken);
  for (const picture of pictures.slice(40)) {
    stream.write(0, picture);
  }
  expect(JSON.stringify(taken)).toBe(text);
  expect(playlistOf(muxer)).not.toBe(taken);
});

test('the cached GOP is one segment, and its last moments are another one in parts', async () => {
  const { muxer } = setup([tinyH264], tinyVideo(201, 25, 250));
  await muxer.ready;
  const { segments, running, targetDurationS } = playlistOf(muxer);
  expect(segments.map(({ durationS, isIndependent, parts }) => [durationS, isIndependent, parts.length])).toEqual([
    [7, true, 0],
    [1, false, 5],
  ]);
  expect([running.number, running.parts.length, targetDurationS]).toEqual([3, 0, 7]);
});

test("the first segment ends at the audio's position, so that both tracks are available at once", async () => {
  const stream = new Stream([tinyH264, opus]);
  for (const [i, picture] of tinyVideo(100, 25, 250).entries()) {
    stream.write(0, picture);
    // 0.4 s behind.
    for (const pts of [(i - 10) * 1920, (i - 10) * 1920 + 960]) {
      if (pts >= 0) {
        stream.write(1, { pts, dts: pts, wall: 0, key: true, data: Uint8Array.of(0xfc) });
      }
    }
  }
  const muxer = new Muxer('cam', stream, OPTIONS, () => {});
  muxer.start();
  await muxer.ready;
  const [video, audio] = muxer.renditions.map(({ playlist }) => playlist?.segments.map(({ durationS }) => durationS));
  expect(video).toEqual([2.56, 1]);
  expect(audio).toEqual([2.56, 1]);
  expect(muxer.renditions.map(({ playlist }) => playlist?.running?.parts.length)).toEqual([2, 0]);
});

test('in a long group the parts are listed from its key picture on, and only that part is independent', () => {
  const { stream, muxer } = setup([tinyH264]);
  for (const picture of tinyVideo(700, 25, 250)) {
    stream.write(0, picture);
  }
  const { running, targetDurationS } = playlistOf(muxer);
  expect(targetDurationS).toBe(10);
  expect(running.parts.map(({ isIndependent }) => isIndependent)).toEqual([true, ...Array(38).fill(false)]);
});

test('only the last two whole segments are listed with parts, which exist as long as their segments', () => {
  const { stream, muxer } = setup([tinyH264]);
  for (const picture of tinyVideo(25 * 20 + 1, 25, 25)) {
    stream.write(0, picture);
  }
  const { segments } = playlistOf(muxer);
  expect(segments.map(({ number, parts }) => [number, parts.length])).toEqual([
    [14, 0],
    [15, 0],
    [16, 0],
    [17, 0],
    [18, 0],
    [19, 5],
    [20, 5],
  ]);
  // Parts of segment 6, which left the list 7 s ago, and of 5, which is let go.
  expect([25, 29].map((n) => muxer.file(`p_video1_part${n}.mp4`) !== undefined)).toEqual([true, true]);
  expect([20, 24].map((n) => muxer.file(`p_video1_part${n}.mp4`) !== undefined)).toEqual([false, false]);
});

test('removals never shorten the list below three target durations', () => {
  // A first segment of 8 s; from then on a key picture each second.
  const long = tinyVideo(200, 25, 200);
  const { stream, muxer } = setup([tinyH264], [...long, ...[]]);
  for (const picture of tinyVideo(25 * 60, 25, 25, 200 * 3600)) {
    stream.write(0, picture);
    const { segments, targetDurationS } = playlistOf(muxer);
    const listedS = segments.reduce((sum, { durationS }) => sum + durationS, 0);
    expect(segments[0]?.number === 1 || listedS >= 3 * targetDurationS).toBe(true);
  }
  expect(playlistOf(muxer).segments[0]?.number).toBeGreaterThan(20);
});

const steady = (ms: number, count: number): number[] => Array(count).fill(ms);
const trembling = (ms: number, byMs: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => ms + (i % 2 === 0 ? byMs : -byMs));

test.for([
  ['5 pictures a second', steady(200, 40), 5, 0.216, [1]],
  ['one picture a second', steady(1000, 20), 2, 1.08, [1]],
  ['15 pictures a second', steady(200 / 3, 120), 15, 0.216, [3]],
  ['30 pictures a second', steady(100 / 3, 240), 30, 0.216, [6]],
  ['7 pictures a second', steady(1000 / 7, 80), 7, 0.155, [1]],
  ['trembling of 10 ms', trembling(40, 10, 200), 25, 0.221, [5]],
] as const)('parts of a camera with %s', ([, intervals, gop, target, counts]) => {
  const { stream, muxer } = setup([tinyH264]);
  for (const picture of pacedVideo(intervals, gop)) {
    stream.write(0, picture);
  }
  const { partTargetS = 0, segments, running } = playlistOf(muxer);
  expect(partTargetS).toBe(target);
  for (const { parts } of [...segments, running]) {
    const inner = parts.slice(0, -1);
    expect(parts.every(({ durationS }) => durationS <= partTargetS)).toBe(true);
    expect(inner.every(({ durationS }) => durationS >= FULL_PART * partTargetS)).toBe(true);
    const held = inner.map(
      ({ name }) => parseFragment(muxer.file(name)?.pieces[0] ?? new Uint8Array())?.runs[0]?.count,
    );
    expect(new Set([...held, ...counts])).toEqual(new Set(counts));
  }
});

test.for([
  ['halts for 0.6 s', [...steady(40, 53), 600, ...steady(40, 40)], [0.12, 0.6, 0.2]],
  ['sends a picture late and the next in time', [...steady(40, 53), 70, 10, ...steady(40, 40)], [0.2]],
  ['slows down to 10 pictures a second', [...steady(40, 50), ...steady(100, 20)], [0.2]],
  ['slows down to 4 pictures a second', [...steady(40, 50), ...steady(250, 12)], [0.25]],
] as const)('a part is rather shorter than too long where a camera %s', ([, intervals, expected]) => {
  const { stream, muxer } = setup([tinyH264]);
  const lengths = new Set<number>();
  for (const picture of pacedVideo(intervals, 25)) {
    stream.write(0, picture);
    if (muxer.renditions[0]?.playlist) {
      for (const { durationS } of partsOf(muxer)) {
        lengths.add(round(durationS));
      }
    }
  }
  expect([...lengths].filter((seconds) => seconds > 0.216)).toEqual(expected.filter((seconds) => seconds > 0.216));
  expect([...lengths]).toEqual(expect.arrayContaining([...expected]));
});

test.for([
  ['Opus', opus, 960, 0.2, 0.216],
  ['AAC', aac, 1024, (9 * 1024) / 44_100, 0.226],
] as const)('audio of %s alone is cut into parts', ([, track, ticks, expected, target]) => {
  const { stream, muxer } = setup([track]);
  for (let i = 0; i < 400; i += 1) {
    const pts = i * ticks;
    stream.write(0, { pts, dts: pts, wall: 0, key: true, data: Uint8Array.of(0xfc, 0xff) });
  }
  expect(playlistOf(muxer)).toMatchObject({ partTargetS: target, claimsIndependence: true, targetDurationS: 1 });
  for (const { parts } of playlistOf(muxer).segments) {
    expect(parts.slice(0, -1).every(({ durationS }) => round(durationS) === round(expected))).toBe(true);
    expect(parts.every(({ isIndependent }) => isIndependent)).toBe(true);
  }
});

test('audio ahead of the video waits for it, and none is in the wrong segment', () => {
  const { stream, muxer } = setup([tinyH264, opus]);
  const pictures = tinyVideo(150, 25, 25);
  let sounds = 0;
  for (const picture of pictures) {
    for (; sounds * 960 < (picture.pts / 90_000 + 0.5) * 48_000; sounds += 1) {
      stream.write(1, { pts: sounds * 960, dts: sounds * 960, wall: 0, key: true, data: Uint8Array.of(0xfc) });
    }
    stream.write(0, picture);
  }
  const [video, audio] = [playlistOf(muxer, 0), playlistOf(muxer, 1)];
  const facts = ({ number, durationS }: (typeof video.segments)[0]) => [number, round(durationS)];
  // Audio before the first picture is left out.
  expect(audio.segments.map(facts)).toEqual(video.segments.map(facts).with(0, [1, 0.5]));
  expect(audio.running.number).toBe(video.running.number);
});

test('a pause beyond the maximum segment ends it, and a key frame starts the next one', () => {
  const { stream, muxer } = setup([tinyH264, opus]);
  let asked = 0;
  stream.onKeyFrameWanted = () => {
    asked += 1;
  };
  const pictures = [...tinyVideo(60, 25, 25), ...tinyVideo(100, 25, 25, 20 * 90_000).slice(10)];
  let sounds = 0;
  for (const picture of pictures) {
    for (; sounds * 960 < (picture.pts / 90_000) * 48_000; sounds += 1) {
      stream.write(1, { pts: sounds * 960, dts: sounds * 960, wall: 0, key: true, data: Uint8Array.of(0xfc) });
    }
    stream.write(0, picture);
  }
  const [video, audio] = [playlistOf(muxer, 0), playlistOf(muxer, 1)];
  const facts = ({ number, durationS, isDiscontinuity, isIndependent }: (typeof video.segments)[0]) => [
    number,
    round(durationS),
    isDiscontinuity,
    isIndependent,
  ];
  expect(video.segments.map(facts)).toEqual([
    [1, 1, false, true],
    [2, 1, false, true],
    [3, 0.4, false, true],
    [4, 1, true, true],
    [5, 1, false, true],
  ]);
  expect(audio.segments.map(facts)).toEqual(video.segments.map(facts));
  expect(asked).toBe(1);
  // Pictures before the key picture at 21 s, and sound from 2.4 s to there.
  expect(muxer.framesDiscarded).toBe(15 + 930);
});

test('memory does not grow with the stream, and files are not overwritten while they are sent', () => {
  const { stream, muxer } = setup([tinyH264]);
  const slabs = new Set<ArrayBufferLike>();
  let sent: { readonly bytes: Uint8Array; readonly copy: Uint8Array } | undefined;
  for (const [i, picture] of tinyVideo(25 * 120, 25, 25).entries()) {
    stream.write(0, picture);
    const name = muxer.renditions[0]?.playlist?.running?.parts.at(-1)?.name;
    const part = muxer.file(name ?? '');
    for (const { buffer } of part?.pieces ?? []) {
      slabs.add(buffer);
    }
    if (i === 1000 && part) {
      part.hold();
      const [bytes] = part.pieces as [Uint8Array];
      sent = { bytes, copy: bytes.slice() };
    }
  }
  expect(sent?.bytes).toEqual(sent?.copy);
  const bytes = [...slabs].reduce((sum, { byteLength }) => sum + byteLength, 0);
  // 17 s of 5 kB and the slab that is held, against 600 kB in all.
  expect(bytes).toBeLessThan(250_000);
});

test('after the muxer is closed no file exists, and waiting requests are rejected', async () => {
  const { muxer } = setup([tinyH264], tinyVideo(60, 25, 60));
  const change = muxer.renditions[0]?.changed();
  muxer.close();
  await expect(change).rejects.toMatchObject({ code: 'unavailable' });
  await expect(muxer.renditions[0]?.changed()).rejects.toMatchObject({ code: 'unavailable' });
  expect(muxer.file('p_video1_seg0.mp4')).toBeUndefined();
});
