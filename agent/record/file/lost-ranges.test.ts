import { expect, test } from 'vitest';
import type { SampleTable, TrackSamples } from '../../media/mp4/table/sample-table.ts';
import { lostRanges, MAX_LOST_RANGES, playedOf } from './lost-ranges.ts';

interface Piece {
  readonly ms: number;
  readonly isKey?: boolean;
}

/** A track with one sample of a second in each fragment. */
const track = (trackId: number, pieces: readonly Piece[]): TrackSamples => ({
  trackId,
  count: pieces.length,
  sizes: new Uint32Array(pieces.length).fill(1),
  durations: new Uint32Array(pieces.length).fill(1_000),
  compositionOffsets: undefined,
  syncs: Uint8Array.from(pieces, ({ isKey = true }) => (isKey ? 1 : 0)),
  runs: {
    count: pieces.length,
    firstSamples: Uint32Array.from(pieces, (_, i) => i),
    baseTimes: Float64Array.from(pieces, ({ ms }) => ms),
    fragments: Uint32Array.from(pieces, (_, i) => i),
    dataOffsets: new Float64Array(pieces.length),
    dataBytes: new Float64Array(pieces.length),
    flags: new Uint8Array(pieces.length),
  },
});

const VIDEO = { id: 1, kind: 'video', timescale: 1_000 } as const;
const AUDIO = { id: 2, kind: 'audio', timescale: 1_000 } as const;

function lostAt(video: readonly Piece[], audio: readonly Piece[], isBroken: (fragment: number) => boolean) {
  const table = { tracks: [track(1, video), track(2, audio)], fragmentCount: video.length } as unknown as SampleTable;
  return lostRanges(table, [VIDEO, AUDIO], isBroken);
}

test('what is lost begins with the end of the track that ends last, and ends with the next key frame', () => {
  const video = [{ ms: 0 }, { ms: 3_000, isKey: false }, { ms: 4_000 }];
  expect(lostAt(video, [{ ms: 0 }, { ms: 3_000 }, { ms: 4_000 }], (i) => i === 1)).toEqual([{ from: 1, to: 4 }]);
});

test('where sound is ahead of the picture by more than is lost, the picture alone decides: no range is inverted', () => {
  const video = [{ ms: 0 }, { ms: 1_500, isKey: false }, { ms: 2_500 }];
  const audio = [{ ms: 3_000 }, { ms: 4_500 }, { ms: 5_500 }];
  expect(lostAt(video, audio, (i) => i === 1)).toEqual([{ from: 1, to: 2.5 }]);
  // The next key frame follows without a gap.
  expect(lostAt([{ ms: 0 }, { ms: 1_000 }], audio.slice(1), (i) => i === 1)).toEqual([]);
});

test('a file with more holes than are kept ends at the first of those', () => {
  const pieces = Array.from({ length: MAX_LOST_RANGES + 10 }, (_, i) => ({ ms: i * 2_000 }));
  const lost = lostAt(pieces, pieces, (i) => i > 0 && i < pieces.length);
  expect(lost).toHaveLength(MAX_LOST_RANGES);
  expect(lost.at(-1)).toEqual({ from: (MAX_LOST_RANGES - 1) * 2 + 1, to: Number.POSITIVE_INFINITY });
  expect(playedOf(1e12, lost)?.lostUs).toHaveLength(MAX_LOST_RANGES - 1);
});

test('no range in microseconds is inverted by rounding', () => {
  expect(playedOf(10e6, [{ from: 1.000_000_6, to: 1.000_000_9 }])).toEqual({ durationUs: 10e6 });
});
