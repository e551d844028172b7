import { expect, test } from 'vitest';
import type { TrackSamples } from '../../media/mp4/table/sample-table.ts';
import { type DecodeOnlyTiming, SelectedTable } from './selected-table.ts';

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

const tableOf = (samples: TrackSamples, time: number, timing?: DecodeOnlyTiming): SelectedTable =>
  new SelectedTable(
    { samples, timescale: 90_000, from: 0, to: samples.count, time, dataOffset: 0, sizeBytes: 0, flags: 0 },
    timing,
  );

function inOrder(count: number): TrackSamples {
  const { compositionOffsets: _, ...samples } = reordered(count);
  return samples as TrackSamples;
}

/** Decode and presentation times. */
function timesOf(table: SelectedTable): { dts: number; pts: number }[] {
  let dts = table.baseTime;
  return Array.from({ length: table.count }, (_, i) => {
    const sample = { dts, pts: dts + table.compositionOffsetOf(i) };
    dts += table.durationOf(i);
    return sample;
  });
}

test('decode-only frames take no time; the last ones are some ticks apart, in order, before the first visible one', () => {
  const times = timesOf(tableOf(reordered(15), -4_000));
  expect(times.map(({ dts }) => dts).slice(0, 11)).toEqual(new Array(11).fill(0));
  // Shown at -3200 -1600 -2400 -2800 -2000, -1200 400 -400 -800 0.
  expect(times.map(({ pts }) => pts).slice(0, 10)).toEqual([0, 4, 2, 1, 3, 5, 400, 7, 6, 8]);
  expect(times.map(({ pts }) => pts).slice(10)).toEqual([800, 2_400, 1_600, 1_200, 2_000]);
});

test('if ticks are too coarse, all samples are shown at the start', () => {
  const { durations, compositionOffsets, ...rest } = reordered(15);
  const coarse = {
    durations: durations.map((d) => d / 20),
    compositionOffsets: compositionOffsets?.map((o) => o / 20),
  };
  const times = timesOf(tableOf({ ...rest, ...coarse } as TrackSamples, -200));
  expect(times.map(({ pts }) => pts).slice(0, 10)).toEqual([0, 0, 0, 0, 0, 0, 20, 0, 0, 0]);
});

const startsOf = (table: SelectedTable): number[] => timesOf(table).map(({ dts }) => dts);

test('frames in order are some ticks apart until they reach their limit', () => {
  const table = tableOf(inOrder(15), -4_000, { count: 0, stepTicks: 2, maxTicks: 13 });
  expect(startsOf(table)).toEqual([0, 2, 4, 6, 8, 10, 12, 13, 13, 13, 13, 400, 800, 1_200, 1_600]);
  expect(timesOf(table).map(({ pts }) => pts)).toEqual(startsOf(table));
});

test('decode-only and visible frames continue those of the previous fragment', () => {
  const timing = { count: 30, stepTicks: 1, maxTicks: 200 };
  expect(startsOf(tableOf(inOrder(6), -1_190, timing))).toEqual([30, 31, 32, 33, 410, 810]);
  expect(startsOf(tableOf(inOrder(3), 7, timing))).toEqual([30, 407, 807]);
  const hidden = tableOf(inOrder(5), -4_000, timing);
  expect([hidden.baseTime, hidden.durationOf(4)]).toEqual([30, 1]);
});

test('in reordered video, a sample directly after the start is decoded with its predecessors and shown at its own time', () => {
  const times = timesOf(tableOf(reordered(15), -3_998, { count: 0, stepTicks: 3, maxTicks: 0 }));
  expect(times.map(({ dts }) => dts).slice(9, 13)).toEqual([0, 0, 402, 802]);
  expect(times[10]?.pts).toBe(802);
});
