import { expect, test } from 'vitest';
import { DecodeOnlySamples } from './fmp4-writer.ts';
import type { SelectedRun } from './selected-table.ts';

test('in reordered video, a sample directly after the start is returned with its predecessors, however short the first is', () => {
  // At 90 kHz, from a camera with jitter: ffmpeg warns of a thousandth of the longest.
  const durations = Float64Array.of(3_000, 6_001, 6_000, 6_000);
  const samples = { trackId: 1, durations, compositionOffsets: Int32Array.of(12_000, 0, 0, 0) };
  const run = { samples, from: 0, to: 4, time: -9_000 } as unknown as SelectedRun;
  const hidden = new DecodeOnlySamples();
  hidden.add(run);
  expect(hidden.visibleTimeOf(run, 5)).toBe(0);
  expect(hidden.visibleTimeOf(run, 6_005)).toBe(6_005);
});
