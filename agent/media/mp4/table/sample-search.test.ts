import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { endOfRun, firstFrom, runOf, syncUpTo, timeOf } from './sample-search.ts';
import type { TrackSamples } from './sample-table.ts';

/** Random runs with gaps between them, some of length 0. */
function draw(next: () => number): { samples: TrackSamples; times: number[]; end: number } {
  const [firstSamples, baseTimes, durations, syncs, times]: number[][] = [[], [], [], [], []];
  let time = Math.floor(next() * 100);
  for (let run = Math.floor(next() * 12); run > 0; run -= 1) {
    firstSamples?.push(times?.length ?? 0);
    baseTimes?.push(time);
    for (let i = 1 + Math.floor(next() * 5); i > 0; i -= 1) {
      const duration = Math.floor(next() * 4);
      durations?.push(duration);
      syncs?.push(next() < 0.3 ? 1 : 0);
      times?.push(time);
      time += duration;
    }
    time += next() < 0.3 ? Math.floor(next() * 20) : 0;
  }
  const count = times?.length ?? 0;
  const none = new Uint32Array(0);
  const end = (times?.at(-1) ?? 0) + (durations?.at(-1) ?? 0);
  const samples = {
    ...{ trackId: 1, count, sizes: none, compositionOffsets: undefined },
    durations: Uint32Array.from(durations ?? []),
    syncs: Uint8Array.from(syncs ?? []),
    runs: {
      ...{ count: baseTimes?.length ?? 0, fragments: none, dataOffsets: new Float64Array(0) },
      ...{ dataBytes: new Float64Array(0), flags: new Uint8Array(0) },
      firstSamples: Uint32Array.from(firstSamples ?? []),
      baseTimes: Float64Array.from(baseTimes ?? []),
    },
  };
  return { samples, times: times ?? [], end };
}

test('the search finds the same samples as a linear scan', () => {
  const next = random(21);
  for (let round = 0; round < 300; round += 1) {
    const { samples, times, end } = draw(next);
    for (let time = -2; time < end + 3; time += 1) {
      const first = times.findIndex((other) => other >= time);
      expect(firstFrom(samples, time)).toBe(first < 0 ? times.length : first);
    }
    for (let i = 0; i < times.length; i += 1) {
      expect(timeOf(samples, i)).toBe(times[i]);
      const run = runOf(samples, i);
      expect(i >= (samples.runs.firstSamples[run] ?? 0) && i < endOfRun(samples, run)).toBe(true);
      const sync = samples.syncs.lastIndexOf(1, i);
      expect(syncUpTo(samples, i)).toBe(sync < 0 ? undefined : sync);
    }
    expect(timeOf(samples, times.length)).toBe(end);
  }
});
