import { expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { h264Track } from '../../agent/media/h264/params.ts';
import { H264SliceReader } from '../../agent/media/h264/slice-reader.ts';
import { h265Track } from '../../agent/media/h265/params.ts';
import { H265SliceReader } from '../../agent/media/h265/slice-reader.ts';
import type { SliceReader } from '../../agent/media/payload/slice-reader.ts';
import { BlockReader } from '../../agent/picture/block-reader.ts';
import { byLength } from '../peers/programs/peers.ts';
import { mutate } from '../support/base/mutate.ts';
import { random } from '../support/base/random.ts';
import {
  H264_PPS,
  H264_SPS,
  H264_UNITS,
  H265_PPS,
  H265_SPS,
  H265_UNITS,
  H265_VPS,
  type TinyUnit,
} from '../support/media/tiny-streams.ts';
import { hex, sampleOf } from '../support/media/units.ts';

const nalsOf = (units: readonly TinyUnit[]) => units.map(([, nal]) => hex(nal));
const H264_SETS = [H264_SPS, H264_PPS].map(hex);
const H265_SETS = [H265_VPS, H265_SPS, H265_PPS].map(hex);

function h264Reader([sps = new Uint8Array(0), ...pps]: readonly Uint8Array[]): SliceReader {
  return new H264SliceReader({ ...h264Track(sps, pps), pps });
}
function h265Reader([vps = new Uint8Array(0), sps = new Uint8Array(0), ...pps]: readonly Uint8Array[]): SliceReader {
  return new H265SliceReader(h265Track(vps, sps, pps));
}

test.for([
  ['H.264', H264_SETS, nalsOf(H264_UNITS), h264Reader],
  ['H.265', H265_SETS, nalsOf(H265_UNITS), h265Reader],
] as const)('damaged slices and parameter sets of %s are read or refused', ([, sets, slices, readerOf]) => {
  const whole = readerOf(sets);
  expect(slices.every((slice) => whole.read(slice, 0, slice.length))).toBe(true);
  const next = random(1);
  const outcome = { read: 0, refused: 0 };
  for (let i = 0; i < byLength(6_000, 200_000); i += 1) {
    let reader: SliceReader = whole;
    try {
      reader = next() < 0.5 ? whole : readerOf(sets.map((set) => (next() < 0.5 ? mutate(set, next) : set)));
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
    const slice = mutate(slices[Math.floor(next() * slices.length)] ?? new Uint8Array(0), next);
    const isRead = reader.read(slice, 0, slice.length);
    outcome[isRead ? 'read' : 'refused'] += 1;
    expect(Number.isFinite(reader.qp + reader.firstUnit)).toBe(true);
  }
  expect(outcome.read).toBeGreaterThan(1000);
  expect(outcome.refused).toBeGreaterThan(1000);
});

test.for([
  ['H.264', H264_SETS, nalsOf(H264_UNITS)],
  ['H.265', H265_SETS, nalsOf(H265_UNITS)],
] as const)(
  'blocks of damaged pictures of %s are read or refused, with any parameter sets',
  ([codec, sets, slices]) => {
    const next = random(2);
    const trackOf = (damaged: readonly Uint8Array[]) => {
      const [first = new Uint8Array(0), second = new Uint8Array(0), ...rest] = damaged;
      return codec === 'H.264'
        ? { ...h264Track(first, [second, ...rest]), pps: [second, ...rest] }
        : h265Track(first, second, rest);
    };
    const readerOf = (damaged: readonly Uint8Array[]) => {
      try {
        return new BlockReader(trackOf(damaged));
      } catch (error) {
        expect(error).toBeInstanceOf(PerchError);
        return new BlockReader(trackOf(sets));
      }
    };
    const outcome = { read: 0, refused: 0 };
    let reader = readerOf(sets);
    for (let i = 0; i < byLength(4_000, 200_000); i += 1) {
      if (next() < 0.05) {
        reader = readerOf(next() < 0.5 ? sets : sets.map((set) => mutate(set, next)));
      }
      const nal = slices[i % slices.length] ?? new Uint8Array(0);
      const slice = next() < 0.3 ? nal : mutate(nal, next);
      outcome[reader.read(sampleOf(slice)) ? 'read' : 'refused'] += 1;
    }
    expect(outcome.read).toBeGreaterThan(500);
    expect(outcome.refused).toBeGreaterThan(500);
  },
);
