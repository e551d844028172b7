import { endOfRun, firstFrom, offsetOf, timeOf } from '../../media/mp4/table/sample-search.ts';
import type { SampleTable, TrackSamples } from '../../media/mp4/table/sample-table.ts';
import { FIRST_SYNC } from '../../media/mp4/table/sample-table-writer.ts';
import type { LostRange } from '../../record/file/lost-ranges.ts';
import type { Tabled } from './table-cache.ts';

/** Half of a tick of the finest time scale: seconds of a sample are not exact. */
const ROUNDING_TICKS = 0.01;

/** One for each reading of a file. */
const played = new WeakMap<readonly LostRange[], SampleTable>();

/** The samples that play: without those that lost key frames would decode. */
export function playedTable(tabled: Pick<Tabled, 'table' | 'lost' | 'head'>): SampleTable {
  const { table, lost = [] } = tabled;
  if (lost.length === 0) {
    return table;
  }
  let found = played.get(lost);
  if (!found) {
    found = cutTable(tabled, lost);
    played.set(lost, found);
  }
  return found;
}

function cutTable({ table, head }: Pick<Tabled, 'table' | 'head'>, lost: readonly LostRange[]): SampleTable {
  const tracks = table.tracks.map((samples) => {
    const { timescale = 1 } = head.init.tracks.find(({ id }) => id === samples.trackId) ?? {};
    return withoutLost(samples, lost, timescale);
  });
  return { ...table, tracks };
}

function withoutLost(samples: TrackSamples, lost: readonly LostRange[], timescale: number): TrackSamples {
  const at = (seconds: number): number => firstFrom(samples, seconds * timescale - ROUNDING_TICKS);
  const kept: { readonly from: number; readonly to: number }[] = [];
  let from = 0;
  for (const range of lost) {
    kept.push({ from, to: at(range.from) });
    from = at(range.to);
  }
  kept.push({ from, to: samples.count });
  const ranges = kept.filter((range) => range.to > range.from);
  const keep = <T extends Uint32Array | Int32Array | Uint8Array>(values: T): T => {
    const out = new (values.constructor as new (count: number) => T)(
      ranges.reduce((sum, range) => sum + range.to - range.from, 0),
    );
    let count = 0;
    for (const range of ranges) {
      out.set(values.subarray(range.from, range.to), count);
      count += range.to - range.from;
    }
    return out;
  };
  const sizes = keep(samples.sizes);
  return {
    trackId: samples.trackId,
    count: sizes.length,
    sizes,
    durations: keep(samples.durations),
    compositionOffsets: samples.compositionOffsets && keep(samples.compositionOffsets),
    syncs: keep(samples.syncs),
    runs: runsIn(samples, ranges),
  };
}

/** The runs of the ranges, cut to them. */
function runsIn(samples: TrackSamples, ranges: readonly { readonly from: number; readonly to: number }[]) {
  const { runs } = samples;
  const cut: { first: number; time: number; fragment: number; offset: number; bytes: number; flags: number }[] = [];
  let count = 0;
  for (const range of ranges) {
    for (let run = 0; run < runs.count; run += 1) {
      const first = runs.firstSamples[run] as number;
      const from = Math.max(first, range.from);
      const to = Math.min(endOfRun(samples, run), range.to);
      if (to > from) {
        const bytes = samples.sizes.subarray(from, to).reduce((sum, size) => sum + size, 0);
        const flags = (runs.flags[run] as number) & (from === first ? ~0 : ~FIRST_SYNC);
        const fragment = runs.fragments[run] as number;
        cut.push({
          first: count,
          time: timeOf(samples, from),
          fragment,
          offset: offsetOf(samples, from),
          bytes,
          flags,
        });
        count += to - from;
      }
    }
  }
  return {
    count: cut.length,
    firstSamples: Uint32Array.from(cut, ({ first }) => first),
    baseTimes: Float64Array.from(cut, ({ time }) => time),
    fragments: Uint32Array.from(cut, ({ fragment }) => fragment),
    dataOffsets: Float64Array.from(cut, ({ offset }) => offset),
    dataBytes: Float64Array.from(cut, ({ bytes }) => bytes),
    flags: Uint8Array.from(cut, ({ flags }) => flags),
  };
}
