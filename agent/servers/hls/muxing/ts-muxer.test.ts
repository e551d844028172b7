import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { ac3, mp3 } from '../../../../test/support/media/audio-tracks.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { readTs } from '../../../../test/support/media/ts-packets.ts';
import { hex } from '../../../../test/support/media/units.ts';
import { mjpeg } from '../../../../test/support/media/video-tracks.ts';
import { PerchError } from '../../../base/errors.ts';
import { START_TICKS } from '../../../media/mpegts/mux/mux.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import { SampleBuffer, VIDEO_SAMPLES } from '../../../media/sample/sample-buffer.ts';
import type { AacTrack, OpusTrack, Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import type { MuxerOptions, SegmentLine } from '../contracts/hls-muxer.ts';
import { leftOutOfHls } from './muxable.ts';
import { TsHlsMuxer } from './ts-muxer.ts';

const AAC: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  config: hex('1190'),
  frameSamples: 1024,
};
const OPUS: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const OPTIONS: MuxerOptions = {
  prefix: 'p',
  variant: 'mpegts',
  segmentCount: 3,
  segmentDurationMs: 1000,
  partDurationMs: 200,
  segmentMaxBytes: 1 << 20,
};
/** PIDs of the tracks, the video first. */
const [VIDEO, AUDIO] = [0x100, 0x101];

function setUp(tracks: readonly Track[], options: Partial<MuxerOptions> = {}) {
  const stream = new Stream(tracks);
  const ends: unknown[] = [];
  const open = () => {
    const muxer = new TsHlsMuxer('cam', stream, { ...OPTIONS, ...options }, (cause) => ends.push(cause));
    muxer.start();
    return muxer;
  };
  return { stream, ends, open };
}

/** AAC frames from 0 s to `endS`, numbered by their bytes. */
const sound = (endS: number): Sample[] =>
  Array.from({ length: Math.floor((endS * 48_000) / 1024) }, (_, i) => {
    return { pts: i * 1024, dts: i * 1024, wall: 0, key: true, data: Uint8Array.of(i & 0xff, i >> 8) };
  });

/** Pictures as track 0 and audio as track 1 in order of arrival, the audio this much later. */
function writeBoth(stream: Stream, pictures: readonly Sample[], sounds: readonly Sample[], lateS = 0): void {
  const all = [
    ...pictures.map((sample) => ({ track: 0, sample, atS: sample.dts / 90_000 })),
    ...sounds.map((sample) => ({ track: 1, sample, atS: sample.dts / 48_000 + lateS })),
  ];
  for (const { track, sample } of all.sort((a, b) => a.atS - b.atS)) {
    stream.write(track, sample);
  }
}

const write = (stream: Stream, samples: readonly Sample[], track = 0): void => {
  for (const sample of samples) {
    stream.write(track, sample);
  }
};

const segmentsOf = (muxer: TsHlsMuxer): readonly SegmentLine[] => muxer.renditions[0]?.playlist?.segments ?? [];
const bytesOf = (muxer: TsHlsMuxer, name: string): Buffer => Buffer.concat(muxer.file(name)?.pieces ?? []);
const linesOf = (muxer: TsHlsMuxer) =>
  segmentsOf(muxer).map(({ name, durationS, isIndependent }) => [name, durationS, isIndependent]);

test('after its first segment a muxer tolerates late samples', () => {
  const { stream, open } = setUp([tinyH264]);
  open();
  const pictures = tinyVideo(41, 20, 10);
  expect(stream.toleratedDelayMs).toBe(0);
  for (const picture of pictures) {
    stream.write(0, picture);
  }
  expect(stream.toleratedDelayMs).toBe(100);
});

test('segments of pictures and sound follow on from each other, each with tables and a key picture in front', () => {
  const { stream, open } = setUp([tinyH264, AAC], { segmentCount: 5 });
  const muxer = open();
  const [pictures, sounds] = [tinyVideo(126, 25, 25), sound(5)];
  writeBoth(stream, pictures, sounds);
  expect(linesOf(muxer)).toEqual([1, 2, 3, 4, 5].map((number) => [`p_main_seg${number}.ts`, 1, true]));
  for (const { name } of segmentsOf(muxer)) {
    const { order, units } = readTs(bytesOf(muxer, name));
    expect(order.slice(0, 2)).toEqual(['pat', 'pmt']);
    expect(units.find(({ pid }) => pid === VIDEO)?.isRandomAccess).toBe(true);
  }
  // As one stream: counters and times continue, and no sample is missing.
  const { units } = readTs(Buffer.concat(segmentsOf(muxer).map(({ name }) => bytesOf(muxer, name))));
  expect(units.filter(({ pid }) => pid === VIDEO).map(({ dts }) => dts - START_TICKS)).toEqual(
    pictures.slice(0, 125).map(({ dts }) => dts),
  );
  expect(units.filter(({ pid }) => pid === AUDIO)).toHaveLength(sounds.length);
});

test('a viewer of a stream that runs has its group as a segment at once', async () => {
  const { stream, open } = setUp([tinyH264, AAC]);
  writeBoth(stream, tinyVideo(60, 25, 250), sound(2.4));
  const muxer = open();
  await muxer.ready;
  expect(linesOf(muxer)).toEqual([['p_main_seg1.ts', 2.36, true]]);
  const { units } = readTs(bytesOf(muxer, 'p_main_seg1.ts'));
  expect(units.filter(({ pid }) => pid === VIDEO)).toHaveLength(59);
  expect(units.filter(({ pid }) => pid === AUDIO)).toHaveLength(112);
});

test('in a long first group segments end between key pictures, and say so', () => {
  const { stream, open } = setUp([tinyH264]);
  const muxer = open();
  write(stream, tinyVideo(251, 25, 100));
  expect(linesOf(muxer).map(([, ...line]) => line)).toEqual([
    // Listed as long as later segments depend on it.
    [1, true],
    [1, false],
    [1, false],
    [1, false],
    [4, true],
  ]);
  expect(muxer.renditions[0]?.playlist).toMatchObject({ targetDurationS: 4, claimsIndependence: false });
});

test('the known GOP length sets the target duration from the first playlist on', () => {
  const { stream, open } = setUp([tinyH264], { longestGroupMs: 4_000 });
  const muxer = open();
  write(stream, tinyVideo(30, 25, 100));
  expect(muxer.renditions[0]?.playlist?.targetDurationS).toBe(4);
});

test('late audio is in the segments, in order', () => {
  const { stream, open } = setUp([tinyH264, AAC], { segmentCount: 5 });
  const muxer = open();
  writeBoth(stream, tinyVideo(101, 25, 25), sound(4), 0.4);
  const { units, pcrs } = readTs(Buffer.concat(segmentsOf(muxer).map(({ name }) => bytesOf(muxer, name))));
  const times = units.filter(({ pid }) => pid === AUDIO).map(({ pts }) => pts);
  expect(times.length).toBeGreaterThan(165);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  // Nothing is due before its time.
  for (const { dts, data } of units) {
    expect(data.length).toBeGreaterThan(0);
    expect(dts).toBeGreaterThan(pcrs[0]?.value ?? 0);
  }
});

test('new parameter sets begin a segment with its own counters, after a discontinuity', () => {
  const { stream, open } = setUp([tinyH264, AAC], { segmentCount: 5 });
  const muxer = open();
  writeBoth(stream, tinyVideo(30, 25, 25), sound(1.2));
  stream.setTrack(0, { ...tinyH264, width: 128 });
  write(stream, tinyVideo(51, 25, 25, 30 * 3600));
  expect(segmentsOf(muxer).map(({ durationS, isDiscontinuity }) => [durationS, isDiscontinuity])).toEqual([
    [1, false],
    [0.2, false],
    [1, true],
    [1, false],
  ]);
  expect(muxer.renditions[0]?.picture?.width).toBe(128);
  expect(readTs(bytesOf(muxer, 'p_main_seg3.ts')).units[0]?.dts).toBe(START_TICKS + 30 * 3600);
  // It has left the playlist, or is about to.
  write(stream, tinyVideo(76, 25, 25, 81 * 3600));
  expect(muxer.renditions[0]?.playlist?.discontinuitySequence).toBe(1);
});

test('a camera that halts for longer than a segment may last leaves a discontinuity', () => {
  const { stream, open } = setUp([tinyH264]);
  const muxer = open();
  write(stream, tinyVideo(38, 25, 25));
  write(stream, tinyVideo(26, 25, 25, 10 * 90_000));
  expect(segmentsOf(muxer).map(({ durationS, isDiscontinuity }) => [durationS, isDiscontinuity])).toEqual([
    [1, false],
    [expect.closeTo(0.52), false],
    [1, true],
  ]);
});

test('sound alone is cut by time, and pictures alone are a stream too', () => {
  const { stream, open } = setUp([AAC]);
  const muxer = open();
  write(stream, sound(3.2));
  expect(segmentsOf(muxer).map(({ durationS }) => Math.round(durationS * 10) / 10)).toEqual([1, 1, 1]);
  expect(muxer.renditions[0]).toMatchObject({ kind: 'audio', codecs: ['mp4a.40.2'], picture: undefined });
});

test.for([
  ['H.264 and AAC', [tinyH264, AAC], [['avc1.42C00A', 'mp4a.40.2']]],
  ['AAC before MP3', [mp3, tinyH264, AAC], [['avc1.42C00A', 'mp4a.40.2']]],
  [
    'MP3 under both of its names',
    [tinyH264, mp3],
    [
      ['avc1.42C00A', 'mp4a.40.34'],
      ['avc1.42C00A', 'mp4a.6B'],
    ],
  ],
  ['AC-3, and as if it were not there', [tinyH264, ac3], [['avc1.42C00A', 'ac-3'], ['avc1.42C00A']]],
  ['AC-3 alone', [ac3], [['ac-3']]],
] as const)('the codecs of the playlist are those of %s', ([, tracks, expected]) => {
  const rendition = setUp([...tracks]).open().renditions[0];
  expect([rendition?.codecs, ...(rendition?.otherCodecs ?? [])]).toEqual(expected);
});

test('tracks that players do not take from MPEG-TS are left out, and named', () => {
  const { stream, open } = setUp([mjpeg, tinyH264, OPUS]);
  const muxer = open();
  expect(leftOutOfHls(stream, 'mpegts')).toEqual(['M-JPEG', 'Opus']);
  write(stream, tinyVideo(26, 25, 25), 1);
  write(stream, sound(1), 2);
  expect(readTs(bytesOf(muxer, 'p_main_seg1.ts')).streams.size).toBe(1);
});

test.for([
  ['H.265', { ...tinyH264, codec: 'h265', vps: hex('4001') }, 'has H265, which HLS of hlsVariant mpegts'],
  ['Opus', OPUS, 'supports H264, MPEG-4 Audio, MP3, AC3 and EAC3; with hlsVariant fmp4 or lowLatency it supports more'],
  ['M-JPEG', mjpeg, /has M-JPEG, which .*MP3, AC3 and EAC3$/],
] as const)('a stream of %s alone is refused with its reason', ([, track, reason]) => {
  const { open } = setUp([track as Track]);
  expect(open).toThrow(reason);
});

test('a segment that grows too large ends the muxer with the name of the limit', async () => {
  const { stream, ends, open } = setUp([tinyH264], { segmentMaxBytes: 6_000 });
  const muxer = open();
  write(stream, tinyVideo(100, 25, 2));
  expect((ends[0] as PerchError).message).toMatch(/^HLS segment of \d+ bytes, hlsSegmentMaxSize is 6000/);
  await expect(muxer.ready).rejects.toThrow(PerchError);
  expect([muxer.isClosed, stream.readers]).toEqual([true, []]);
});

test('the end of the stream ends the muxer and its waiting requests', async () => {
  const { stream, ends, open } = setUp([tinyH264]);
  const muxer = open();
  const waiting = expect(muxer.renditions[0]?.changed()).rejects.toMatchObject({ code: 'unavailable' });
  stream.close();
  await waiting;
  expect(ends).toEqual([undefined]);
  await expect(muxer.ready).rejects.toThrow("the stream on path 'cam' has ended");
});

test('a change resolves all waiting requests once, and a snapshot is immutable', async () => {
  const { stream, open } = setUp([tinyH264]);
  const [rendition] = open().renditions;
  const waiting = [rendition?.changed(), rendition?.changed()];
  expect(waiting[0]).toBe(waiting[1]);
  write(stream, tinyVideo(30, 25, 25));
  await waiting[0];
  const before = rendition?.playlist;
  write(stream, tinyVideo(30, 25, 25, 30 * 3600));
  expect(rendition?.playlist).not.toBe(before);
  expect(before?.segments).toHaveLength(1);
});

test('memory is reused: of samples after writing, of a segment after its removal and last send', () => {
  const { stream, open } = setUp([tinyH264]);
  const buffer = new SampleBuffer(VIDEO_SAMPLES);
  const [sampleSlabs, segmentSlabs] = [new Set<unknown>(), new Set<unknown>()];
  const next = random(13);
  const muxer = open();
  const sent: { bytes: Buffer; file: NonNullable<ReturnType<typeof muxer.file>> }[] = [];
  for (let i = 0; i < 25 * 300; i += 1) {
    const bytes = new Uint8Array(4_000).fill(i & 0x7f);
    buffer.append(bytes, 0, bytes.length);
    const data = buffer.take();
    sampleSlabs.add(data.buffer);
    stream.write(0, { pts: i * 3600, dts: i * 3600, wall: i * 40, key: i % 25 === 0, data });
    const file = muxer.file(segmentsOf(muxer).at(-1)?.name ?? '');
    file?.pieces.forEach((piece) => {
      segmentSlabs.add(piece.buffer);
    });
    if (file && next() < 0.02) {
      file.hold();
      sent.push({ file, bytes: Buffer.concat(file.pieces) });
    }
    if (sent.length > 4) {
      const { file: old, bytes: whole } = sent.shift() as (typeof sent)[number];
      // Its memory has not been used for anything else meanwhile, though it left the playlist long ago.
      expect(Buffer.concat(old.pieces).equals(whole)).toBe(true);
      old.release();
    }
  }
  expect(sampleSlabs.size).toBeLessThan(12);
  expect(segmentSlabs.size).toBeLessThan(40);
});

test('frames before the first key frame do not count as dropped', () => {
  const { stream, open } = setUp([tinyH264, AAC]);
  const muxer = open();
  const pictures = tinyVideo(100, 25, 25).slice(10);
  writeBoth(stream, pictures, sound(4));
  expect(muxer.framesDiscarded).toBe(0);
});
