import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { ac3, eac3 } from '../../../../test/support/media/audio-tracks.ts';
import { tinyH264 } from '../../../../test/support/media/tiny-h264.ts';
import { H265_PPS, H265_SPS, H265_VPS } from '../../../../test/support/media/tiny-streams.ts';
import { Collector, hex, sampleOf, toHex } from '../../../../test/support/media/units.ts';
import { av1, vp9 } from '../../../../test/support/media/video-tracks.ts';
import { PerchError } from '../../../base/errors.ts';
import { h265Track } from '../../h265/params.ts';
import type { Track } from '../../sample/track.ts';
import { writeInit } from '../write/init.ts';
import { NalCleaner, SegmentReader } from './segment-reader.ts';

const aac: Track = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  config: hex('1190'),
  frameSamples: 1024,
};
const opus: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const surround: Track = {
  ...opus,
  channels: 6,
  layout: { streams: 4, coupledStreams: 2, mapping: [0, 4, 1, 2, 3, 5] },
};
const flac: Track = { kind: 'audio', codec: 'flac', clockRate: 48_000, channels: 2, frameSamples: 4608 };
const h265 = h265Track(hex(H265_VPS), hex(H265_SPS), [hex(H265_PPS)]);
const ALL: readonly Track[] = [tinyH264, h265, av1, vp9, aac, opus, surround, flac, ac3, eac3];

test.for(ALL.map((track, i) => [`${track.codec} ${i}`, track] as const))(
  '%s is read as it was written',
  ([, track]) => {
    const [read] = new SegmentReader(writeInit([track])).tracks;
    expect(read).toMatchObject({ timescale: track.clockRate, isVideo: track.kind === 'video' });
    expect(read?.track).toEqual(track);
  },
);

test('an initialization without moov is rejected', () => {
  expect(() => new SegmentReader(writeInit([tinyH264]).subarray(0, 100))).toThrow("without a whole 'moov'");
});

test.for([
  ['no channels', [0, 0]],
  ['three channels without a layout', [3, 0]],
  ['a channel that is not decoded', [6, 1, 4, 2, 0, 4, 1, 2, 3, 9]],
  ['more coupled streams than streams', [6, 1, 2, 4, 0, 4, 1, 2, 3, 5]],
] as const)('an Opus track with %s is rejected', ([, [channels, ...mapping]]) => {
  const init = writeInit([surround]);
  const dOps = Buffer.from(init.buffer, init.byteOffset, init.length).indexOf('dOps') + 4;
  init[dOps + 1] = channels;
  init.set(mapping, dOps + 10);
  expect(() => new SegmentReader(init)).toThrow(`'dOps' of ${channels} channels`);
});

test.for([
  ['8 bits', 21, 0x70],
  ['frames of different sizes', 9, 1],
] as const)('FLAC with %s is left out', ([, at, byte]) => {
  const init = writeInit([tinyH264, flac]);
  const dfLa = Buffer.from(init.buffer, init.byteOffset, init.length).indexOf('dfLa') + 4;
  init[dfLa + at] = byte;
  expect(new SegmentReader(init).tracks.map(({ track }) => track?.codec)).toEqual(['h264', undefined]);
});

test('parameter sets and delimiters in samples move to the track', () => {
  const into = new Collector();
  const cleaner = new NalCleaner(tinyH264, into);
  const slice = hex('65 88 84 00');
  cleaner.onUnit(0, 0, true, sampleOf(hex('09 10'), tinyH264.sps, ...tinyH264.pps, slice));
  cleaner.onUnit(40, 40, false, sampleOf(slice));
  const other = Uint8Array.from(tinyH264.pps[0] ?? []);
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 0x40;
  cleaner.onUnit(80, 80, true, sampleOf(tinyH264.sps, other, slice));
  expect(into.units.map(({ data }) => toHex(data))).toEqual(new Array(3).fill(toHex(sampleOf(slice))));
  expect(into.tracks).toMatchObject([{ codec: 'h264', pps: [other] }]);
  cleaner.onUnit(120, 120, false, hex('00000009 41 00'));
  expect(into.damage).toEqual(['a NAL unit ends 7 bytes after its sample']);
});

test('damaged initializations are read or rejected, and nothing else', () => {
  const next = random(11);
  const seeds = ALL.map((track) => writeInit([track]));
  for (let i = 0; i < 8_000; i += 1) {
    const bytes = mutate(seeds[i % seeds.length] as Uint8Array, next);
    try {
      new SegmentReader(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
