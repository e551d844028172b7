import { expect, test } from 'vitest';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import type { PerchError } from '../../../base/errors.ts';
import { parseFragment, parseInit } from '../../../media/mp4/read/read.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { OpusTrack, Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import type { HlsVariant, MediaPlaylist, MuxerOptions, SegmentLine } from '../contracts/hls-muxer.ts';
import { leftOutOfHls } from './muxable.ts';
import { Muxer } from './muxer.ts';

const opus: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const OPTIONS: MuxerOptions = {
  prefix: 'p',
  variant: 'fmp4',
  segmentCount: 3,
  segmentDurationMs: 1000,
  partDurationMs: 200,
  segmentMaxBytes: 1 << 20,
};

function setup(stream: Stream, options: Partial<MuxerOptions> = {}) {
  const ends: unknown[] = [];
  const muxer = new Muxer('cam', stream, { ...OPTIONS, ...options }, (cause) => ends.push(cause));
  muxer.start();
  return { muxer, ends };
}

/** Opus of 20 ms from `startS` to `endS`. */
function sound(startS: number, endS: number): Sample[] {
  return Array.from({ length: Math.round((endS - startS) * 50) }, (_, i) => {
    const pts = Math.round(startS * 48_000) + i * 960;
    return { pts, dts: pts, wall: pts / 48, key: true, data: Uint8Array.of(0xfc, 0xff, 0xfe) };
  });
}

/** Both tracks in order of arrival. @param audioLateS delay of audio behind the pictures of its time */
function writeBoth(stream: Stream, pictures: readonly Sample[], sounds: readonly Sample[], audioLateS = 0): void {
  const all = [
    ...pictures.map((sample) => ({ track: 0, sample, atS: sample.dts / 90_000 })),
    ...sounds.map((sample) => ({ track: 1, sample, atS: sample.dts / 48_000 + audioLateS })),
  ];
  for (const { track, sample } of all.sort((a, b) => a.atS - b.atS)) {
    stream.write(track, sample);
  }
}

function playlistOf(muxer: Muxer, rendition: string): MediaPlaylist | undefined {
  return muxer.renditions.find(({ name }) => name === rendition)?.playlist;
}

const listed = (muxer: Muxer, rendition: string): readonly SegmentLine[] =>
  playlistOf(muxer, rendition)?.segments ?? [];

const durations = (muxer: Muxer, rendition: string): number[] =>
  listed(muxer, rendition).map(({ durationS }) => Number(durationS.toFixed(6)));

const codecsOf = (muxer: Muxer): string[] => muxer.renditions.flatMap(({ codecs }) => codecs);

function content(muxer: Muxer, name: string): Buffer {
  const file = muxer.file(name);
  const bytes = Buffer.concat(file?.pieces ?? []);
  expect(bytes.length).toBe(file?.sizeBytes);
  return bytes;
}

const runOf = (muxer: Muxer, name: string) => {
  const run = parseFragment(content(muxer, name))?.runs[0];
  if (!run) {
    throw new Error(`no run in ${name}`);
  }
  return run;
};

test.for([
  ['fmp4', 100],
  ['lowLatency', 50],
] as const)('after its first segment a muxer with %s tolerates samples that are %i ms late', ([variant, ms]) => {
  const stream = new Stream([tinyH264]);
  setup(stream, { variant });
  const pictures = tinyVideo(21, 20, 10, 4500);
  expect(stream.toleratedDelayMs).toBe(0);
  for (const picture of pictures) {
    stream.write(0, picture);
  }
  expect(stream.toleratedDelayMs).toBe(ms);
});

test('samples for many low-latency players are not late', () => {
  const stream = new Stream([tinyH264]);
  let players = 100;
  setup(stream, { variant: 'lowLatency', playerCount: () => players });
  for (const picture of tinyVideo(21, 20, 10, 4500)) {
    stream.write(0, picture);
  }
  expect(stream.toleratedDelayMs).toBe(50);
  players = 101;
  expect(stream.toleratedDelayMs).toBe(0);
});

test('segments end before the first key frame that is late enough, and hold what the stream had', () => {
  const stream = new Stream([tinyH264]);
  const { muxer } = setup(stream);
  const pictures = tinyVideo(81, 20, 10, 4500);
  for (const picture of pictures) {
    stream.write(0, picture);
  }
  const segments = listed(muxer, 'video1');
  expect(segments.map(({ number, durationS }) => [number, durationS])).toEqual([
    [2, 1],
    [3, 1],
    [4, 1],
  ]);
  const bytes = content(muxer, segments[0]?.name ?? '');
  const run = parseFragment(bytes)?.runs[0];
  expect(run).toMatchObject({ trackId: 1, baseTime: 4500 + 90_000 + 10 * 90_000, durationTicks: 90_000 });
  expect(bytes.subarray(run?.dataOffset)).toEqual(Buffer.concat(pictures.slice(20, 40).map((picture) => picture.data)));
  expect(parseInit(content(muxer, 'p_video1_init.mp4'))?.tracks).toMatchObject([{ codec: 'avc1', width: 64 }]);
});

test('old segments can still be fetched for a while after they have left the playlist', () => {
  const stream = new Stream([tinyH264]);
  const { muxer } = setup(stream);
  for (const picture of tinyVideo(20 * 10 + 1, 20, 20)) {
    stream.write(0, picture);
  }
  expect(listed(muxer, 'video1').map(({ number }) => number)).toEqual([8, 9, 10]);
  expect([3, 4, 7].map((n) => muxer.file(`p_video1_seg${n}.mp4`) !== undefined)).toEqual([false, true, true]);
});

test('a viewer of a camera with rare key frames gets what the stream keeps at once, as one segment', async () => {
  const stream = new Stream([tinyH264]);
  const pictures = tinyVideo(300, 20, 100);
  for (const picture of pictures.slice(0, 55)) {
    stream.write(0, picture);
  }
  const { muxer } = setup(stream);
  await muxer.ready;
  expect(durations(muxer, 'video1')).toEqual([2.7]);
  expect(playlistOf(muxer, 'video1')).toMatchObject({ targetDurationS: 3, claimsIndependence: true });
  for (const picture of pictures.slice(55)) {
    stream.write(0, picture);
  }
  // The rest of the group is cut into pieces, as it may be long; from the second group on, segments are whole groups.
  expect(durations(muxer, 'video1')).toEqual([2.7, 1, 1, 0.3, 5]);
  expect(listed(muxer, 'video1').map(({ isIndependent }) => isIndependent)).toEqual([true, false, false, false, true]);
  expect(playlistOf(muxer, 'video1')).toMatchObject({ targetDurationS: 5, claimsIndependence: false });
});

test('where the length of groups is known the target duration is right from the beginning', () => {
  const stream = new Stream([tinyH264]);
  const pictures = tinyVideo(400, 20, 100);
  for (const picture of pictures.slice(0, 130)) {
    stream.write(0, picture);
  }
  const { muxer } = setup(stream, { variant: 'lowLatency' });
  const targets = new Set<number | undefined>();
  for (const picture of pictures.slice(130)) {
    stream.write(0, picture);
    targets.add(playlistOf(muxer, 'video1')?.targetDurationS);
  }
  expect([...targets]).toEqual([5]);
  expect(durations(muxer, 'video1')).toEqual([0.45, 1, 1, 1, 1, 0.55, 5]);
});

test('a group that is longer than all before it is cut where it reaches the target duration', () => {
  const stream = new Stream([tinyH264]);
  const { muxer } = setup(stream, { segmentCount: 20 });
  const groups = [20, 20, 90, 20];
  let frame = 0;
  for (const length of groups) {
    for (const picture of tinyVideo(length, 20, length, frame * 4500)) {
      stream.write(0, picture);
    }
    frame += length;
  }
  expect(durations(muxer, 'video1')).toEqual([1, 1, 1.4, 1.4, 1.4, 0.3]);
  expect(playlistOf(muxer, 'video1')?.targetDurationS).toBe(1);
});

test('pictures that are reordered keep their places in time', () => {
  const stream = new Stream([tinyH264]);
  const { muxer } = setup(stream);
  for (const picture of tinyVideo(100, 20, 20)) {
    stream.write(0, { ...picture, pts: picture.pts + 9000 });
  }
  expect(durations(muxer, 'video1')).toEqual([1, 1, 1]);
  expect(runOf(muxer, 'p_video1_seg1.mp4').compositionOffsets?.[0]).toBe(9000);
});

test.for([0, 0.3, 0.9, -0.4])('audio that arrives %d s late is cut at the same times as the video', (late) => {
  const stream = new Stream([tinyH264, opus]);
  const { muxer } = setup(stream);
  writeBoth(stream, tinyVideo(121, 20, 20), sound(0, 6.5), late);
  const [video, audio] = [listed(muxer, 'video1'), listed(muxer, 'audio2')];
  const both = video.filter((segment) => audio.some(({ number }) => number === segment.number));
  expect(both.length).toBeGreaterThanOrEqual(1);
  for (const { number, name } of both) {
    const run = runOf(muxer, `p_audio2_seg${number}.mp4`);
    const start = runOf(muxer, name).baseTime / 90_000;
    expect(Math.abs(run.baseTime / 48_000 - start)).toBeLessThanOrEqual(0.02);
    expect(Math.abs(run.durationTicks / 48_000 - 1)).toBeLessThanOrEqual(0.02);
  }
  expect(codecsOf(muxer)).toEqual(['avc1.42C00A', 'opus']);
});

test('no sample is lost or doubled between segments of audio', () => {
  const stream = new Stream([tinyH264, opus]);
  const { muxer } = setup(stream, { segmentCount: 20 });
  writeBoth(stream, tinyVideo(201, 20, 20), sound(0, 10.5), 0.3);
  let next: number | undefined;
  for (const { name } of listed(muxer, 'audio2')) {
    const run = runOf(muxer, name);
    expect(run.baseTime).toBe(next ?? run.baseTime);
    expect(run.durations.every((duration) => duration === 960)).toBe(true);
    next = run.baseTime + run.durationTicks;
  }
  expect(listed(muxer, 'audio2').length).toBe(10);
});

test('silence of a whole segment is a gap, and audio continues with the numbers of the video', () => {
  const stream = new Stream([tinyH264, opus]);
  const { muxer } = setup(stream, { segmentCount: 20 });
  writeBoth(stream, tinyVideo(161, 20, 20), [...sound(0, 2), ...sound(5, 8.1)]);
  expect(listed(muxer, 'audio2').map(({ number, isGap }) => [number, isGap])).toEqual([
    [1, false],
    [2, false],
    [3, true],
    [4, true],
    [5, true],
    [6, false],
    [7, false],
    [8, false],
  ]);
  expect(muxer.file('p_audio2_gap.mp4')).toBeUndefined();
});

test('audio that never starts is neither awaited nor announced', async () => {
  const stream = new Stream([tinyH264, opus]);
  const { muxer } = setup(stream);
  const pictures = tinyVideo(61, 20, 20);
  for (const picture of pictures) {
    stream.write(0, picture);
  }
  await muxer.ready;
  expect(codecsOf(muxer)).toEqual(['avc1.42C00A']);
});

test('the count of discontinuities before a segment is constant while the window moves', () => {
  const stream = new Stream([tinyH264]);
  const { muxer } = setup(stream);
  const pictures = tinyVideo(250, 25, 25);
  const counts = new Map<string, Set<number>>();
  for (const [i, picture] of pictures.entries()) {
    if (i === 50) {
      stream.setTrack(0, { ...tinyH264, fps: 25 });
    }
    stream.write(0, picture);
    let count = playlistOf(muxer, 'video1')?.discontinuitySequence ?? 0;
    for (const [place, { name, isDiscontinuity }] of listed(muxer, 'video1').entries()) {
      // The sequence counts that of the first one already.
      count += isDiscontinuity && place > 0 ? 1 : 0;
      counts.set(name, (counts.get(name) ?? new Set()).add(count));
    }
  }
  const expected = [...counts.keys()].map((_, i) => [i < 2 ? 0 : 1]);
  expect([...counts.values()].map((seen) => [...seen])).toEqual(expected);
});

test('new parameter sets begin a segment with a new init file and a discontinuity in every rendition', () => {
  const stream = new Stream([tinyH264, opus]);
  const { muxer } = setup(stream, { segmentCount: 20, segmentDurationMs: 3000 });
  const [pictures, sounds] = [tinyVideo(161, 20, 20), sound(0, 8.1)];
  writeBoth(stream, pictures.slice(0, 80), sounds.slice(0, 200));
  stream.setTrack(0, { ...tinyH264, width: 32 });
  writeBoth(stream, pictures.slice(80), sounds.slice(200));
  // Cut at 3 s, at 4 s (the change) and at 7 s.
  expect(durations(muxer, 'video1')).toEqual([3, 1, 3]);
  const inits = listed(muxer, 'video1').map(({ init, isDiscontinuity }) => [init?.name, isDiscontinuity]);
  expect(inits).toEqual([
    ['p_video1_init.mp4', false],
    ['p_video1_init.mp4', false],
    ['p_video1_init1.mp4', true],
  ]);
  expect(listed(muxer, 'audio2').map(({ isDiscontinuity }) => isDiscontinuity)).toEqual([false, false, true]);
  expect(parseInit(content(muxer, 'p_video1_init1.mp4'))?.tracks[0]?.width).toBe(32);
  expect(parseInit(content(muxer, 'p_video1_init.mp4'))?.tracks[0]?.width).toBe(64);
});

test('a stream of audio alone is cut by its length', async () => {
  const stream = new Stream([opus]);
  const { muxer } = setup(stream);
  for (const sample of sound(0, 3.1)) {
    stream.write(0, sample);
  }
  await muxer.ready;
  expect(durations(muxer, 'audio1')).toEqual([0.98, 0.98, 0.98]);
  expect(muxer.renditions.map(({ name }) => name)).toEqual(['audio1']);
  expect(muxer.file('p_audio1_seg1.mp4')?.type).toBe('audio/mp4');
});

test('a segment beyond its limit ends the muxer with the reason', async () => {
  const stream = new Stream([tinyH264]);
  const { muxer, ends } = setup(stream, { segmentMaxBytes: 6000 });
  const [key] = tinyVideo(1, 20, 20);
  stream.write(0, key as Sample);
  stream.write(0, { ...(key as Sample), pts: 4500, dts: 4500 });
  expect((ends[0] as PerchError).message).toMatch(/^HLS segment of \d+ bytes, at most 6000/);
  expect(stream.readers).toEqual([]);
  await expect(muxer.ready).rejects.toThrow('at most 6000');
});

test.for<[what: string, variant: HlsVariant, frames: number, next: number]>([
  ['without a part has not begun', 'lowLatency', 21, 4],
  ['with a part counts', 'lowLatency', 25, 5],
  ['of a list without parts has not begun', 'fmp4', 25, 4],
])(
  "a last segment %s: the path's next stream begins with the number after the last one listed (%s)",
  ([, variant, frames, next]) => {
    const stream = new Stream([tinyH264]);
    const { muxer } = setup(stream, { variant });
    for (const picture of tinyVideo(40 + frames, 20, 20)) {
      stream.write(0, picture);
    }
    stream.close();
    // hls.js looks for the next number only, and for nothing behind it.
    expect(muxer.playlistEnd).toEqual({ nextNumber: next, discontinuities: 0 });
  },
);

test('the end of the stream ends the muxer', async () => {
  const stream = new Stream([tinyH264]);
  const { muxer, ends } = setup(stream);
  stream.close();
  expect(ends).toEqual([undefined]);
  await expect(muxer.ready).rejects.toThrow("the stream on path 'cam' has ended");
});

const mp3: Track = {
  kind: 'audio',
  codec: 'mpeg-audio',
  clockRate: 90_000,
  version: 1,
  layer: 2,
  sampleRate: 48_000,
  channels: 2,
};
const mjpeg: Track = { kind: 'video', codec: 'mjpeg', clockRate: 90_000, width: 64, height: 48, fps: undefined };
const multiplex: Track = { kind: 'multiplex', codec: 'mpeg-ts', clockRate: 90_000 };

test('tracks that players do not support are omitted and named; the others continue', () => {
  const stream = new Stream([mjpeg, tinyH264, mp3, opus]);
  expect(leftOutOfHls(stream)).toEqual(['M-JPEG', 'MPEG-1/2 Audio layer 2']);
  const { muxer } = setup(stream);
  const pictures = tinyVideo(50, 25, 25);
  const sounds = sound(0, 2);
  for (const [i, picture] of pictures.entries()) {
    stream.write(0, picture);
    stream.write(1, picture);
    stream.write(2, picture);
    stream.write(3, sounds[2 * i] as Sample);
    stream.write(3, sounds[2 * i + 1] as Sample);
  }
  expect(codecsOf(muxer)).toEqual(['avc1.42C00A', 'opus']);
  expect(muxer.renditions[0]?.picture).toMatchObject({ width: 64, height: 48 });
});

test.for([
  [
    'nothing that players take',
    [mjpeg, mp3, multiplex],
    'has MPEG-TS and M-JPEG and MPEG-1/2 Audio layer 2, which HLS does not support',
  ],
  ['nothing at all', [], 'has neither video nor audio'],
] as const)('a stream with %s is refused with its reason', ([, tracks, reason]) => {
  expect(() => setup(new Stream([...tracks]))).toThrow(reason);
});
