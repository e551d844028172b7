import { expect, test } from 'vitest';
import { H264_PPS, H264_SPS, H265_PPS, H265_SPS, H265_VPS } from '../../test/support/media/tiny-streams.ts';
import { hex } from '../../test/support/media/units.ts';
import { mjpeg } from '../../test/support/media/video-tracks.ts';
import { h264Track } from '../media/h264/params.ts';
import { h265Track } from '../media/h265/params.ts';
import { RtpHeader } from '../media/rtp/header.ts';
import type { Track } from '../media/sample/track.ts';
import { InterleavedWriter } from './interleaved-writer.ts';
import { Placeholders } from './placeholders.ts';

const FRAME = 3_600;
/** Both reorder by two pictures at most. */
const H264 = h264Track(hex(H264_SPS), [hex(H264_PPS)]);
const H265 = h265Track(hex(H265_VPS), hex(H265_SPS), [hex(H265_PPS)]);
const BASELINE = h264Track(hex('6742c016d900a02ff970110000030001000003001e0f162e48'), [hex('68cb83cb20')]);
/** Cut off before it says how pictures are ordered. */
const CUT = h264Track(hex(H264_SPS).subarray(0, 12), [hex(H264_PPS)]);

/** @param samples pts and dts in frames; the first is the key sample. @returns each placeholder's sequence and time in frames */
function ahead(track: Track, samples: readonly (readonly [pts: number, dts: number])[], firstFrame = 100) {
  const writer = new InterleavedWriter([track]);
  const placeholders = new Placeholders(writer, 0);
  for (const [i, [pts, dts]] of samples.entries()) {
    const sample = { pts: (firstFrame + pts) * FRAME, dts: (firstFrame + dts) * FRAME };
    placeholders.onSample({ ...sample, wall: 1, key: i === 0, data: new Uint8Array(1) });
  }
  const chunk = placeholders.frames(track, 1);
  const header = new RtpHeader();
  const found: [sequence: number, frame: number][] = [];
  for (let at = 0; at < chunk.length; at += 4 + chunk.readUInt16BE(at + 2)) {
    header.parse(chunk, at + 4, at + 4 + chunk.readUInt16BE(at + 2));
    expect([header.marker, header.ssrc, chunk[at + 1]]).toEqual([true, writer.ssrcs[0], 0]);
    const ticks = (header.timestamp - (writer.offsets[0] as number)) | 0;
    found.push([header.sequence, Math.round((ticks / FRAME - firstFrame) * 100) / 100]);
  }
  expect(found).toHaveLength(placeholders.countFor(track));
  return found;
}

test.for([
  [
    'without reordering',
    BASELINE,
    [
      [0, 0],
      [1, 1],
    ],
    [[0, -1]],
  ],
  [
    'of a key frame alone',
    H264,
    [[0, -2]],
    [
      [65_534, -3],
      [65_535, -2],
      [0, -1],
    ],
  ],
  [
    'with B-frames',
    H264,
    [
      [0, -2],
      [4, -1],
      [2, 0],
    ],
    [
      [65_534, -3],
      [65_535, -2],
      [0, -1],
    ],
  ],
  [
    'whose SPS does not say',
    CUT,
    [
      [0, -1],
      [3, 0],
      [1, 1],
    ],
    [
      [65_535, -2],
      [0, -1],
    ],
  ],
  [
    'that could have B-frames and has none',
    H264,
    [
      [0, 0],
      [1, 1],
    ],
    [
      [65_534, -3],
      [65_535, -2],
      [0, -1],
    ],
  ],
] as const)('a stream %s gets one more than pictures are reordered, a frame apart', ([, track, samples, expected]) => {
  expect(ahead(track, samples)).toEqual(expected);
});

test('they precede the leading pictures, which are shown before their key picture', () => {
  const times = ahead(H265, [
    [0, -3],
    [-1, -2],
    [3, -1],
  ]).map(([, time]) => time);
  expect(times).toEqual([-4, -3, -2]);
});

test('before the leading pictures arrive, their number follows from the decode time', () => {
  const times = ahead(H265, [[0, -3]]).map(([, time]) => time);
  expect(times.at(-1)).toBe(-2);
});

test('the frame rate of the SPS counts while decode times are not known yet', () => {
  const ticks = 1 / FRAME;
  expect(
    ahead(H264, [
      [0, 0],
      [4, ticks],
      [2, 2 * ticks],
    ]).map(([, time]) => time),
  ).toEqual([-3, -2, -1]);
});

test('a codec without placeholders yields none', () => {
  const placeholders = new Placeholders(new InterleavedWriter([mjpeg]), 0);
  expect(placeholders.countFor(mjpeg)).toBe(0);
});
