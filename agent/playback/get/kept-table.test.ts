import { expect, test } from 'vitest';
import type { TrackSamples } from '../../media/mp4/sample-table.ts';
import { KeptTable } from './kept-table.ts';

/** Pictures of 400 ticks in the order I P B b b, each group shown as 1 5 3 2 4. */
function reordered(count: number): TrackSamples {
  const offsets = Array.from({ length: count }, (_, i) => [400, 1600, 400, -400, 0][i % 5] as number);
  return {
    trackId: 1,
    count,
    sizes: new Uint32Array(count).fill(10),
    durations: new Uint32Array(count).fill(400),
    compositionOffsets: Int32Array.from(offsets, (offset) => offset + 400),
    syncs: Uint8Array.from({ length: count }, (_, i) => (i % 5 === 0 ? 1 : 0)),
  } as unknown as TrackSamples;
}

const tableOf = (samples: TrackSamples, time: number): KeptTable =>
  new KeptTable({ samples, from: 0, to: samples.count, time, dataOffset: 0, sizeBytes: 0 });

/** Decode and presentation times. */
function timesOf(table: KeptTable): { dts: number; pts: number }[] {
  let dts = table.baseTime;
  return Array.from({ length: table.count }, (_, i) => {
    const sample = { dts, pts: dts + table.compositionOffsetOf(i) };
    dts += table.durationOf(i);
    return sample;
  });
}

test('pictures before the start take no time; the last of them are shown some ticks apart, in their order, the first to be seen behind them', () => {
  const times = timesOf(tableOf(reordered(15), -4_000));
  expect(times.map(({ dts }) => dts).slice(0, 11)).toEqual(new Array(11).fill(0));
  // Shown at -3200 -1600 -2400 -2800 -2000, -1200 400 -400 -800 0.
  expect(times.map(({ pts }) => pts).slice(0, 10)).toEqual([0, 4, 2, 1, 3, 5, 400, 7, 6, 8]);
  expect(times.map(({ pts }) => pts).slice(10)).toEqual([800, 2_400, 1_600, 1_200, 2_000]);
});

test('where ticks are too coarse for that all are shown at the start', () => {
  const { durations, compositionOffsets, ...rest } = reordered(15);
  const coarse = {
    durations: durations.map((d) => d / 20),
    compositionOffsets: compositionOffsets?.map((o) => o / 20),
  };
  const times = timesOf(tableOf({ ...rest, ...coarse } as TrackSamples, -200));
  expect(times.map(({ pts }) => pts).slice(0, 10)).toEqual([0, 0, 0, 0, 0, 0, 20, 0, 0, 0]);
});

test('pictures in their own order are all at the start', () => {
  const { compositionOffsets: _, ...samples } = reordered(15);
  const times = timesOf(tableOf(samples as TrackSamples, -4_000));
  expect(times.map(({ pts }) => pts).slice(0, 12)).toEqual([...new Array(11).fill(0), 400]);
});
