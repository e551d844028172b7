import { DAY_US } from '../base/time/units.ts';
import type { Timespan } from './index/segment-index.ts';
import type { IndexLookup } from './timeline.ts';

/** A frame further away shows another scene. */
const NEAR_US = 5_000_000;
/** A recording may lack frames right before its end. */
const REST_US = 200_000;

/**
 * The recorded time nearest to each moment; moments far from all recordings are missing.
 * @param momentOf path, and Unix microseconds
 */
export async function nearestPictures<T>(
  catalog: IndexLookup,
  shown: readonly T[],
  momentOf: (one: T) => readonly [path: string, us: number],
): Promise<ReadonlyMap<T, number>> {
  const { index } = catalog;
  const pictures = new Map<T, number>();
  const moments = shown.map((one) => ({ one, path: momentOf(one)[0], us: momentOf(one)[1] }));
  for (const [path, unsorted] of Map.groupBy(moments, (moment) => moment.path)) {
    const sorted = unsorted.sort((one, other) => other.us - one.us);
    const times = sorted.map(({ us }) => us);
    const [newest = 0, oldest = 0] = [times[0], times.at(-1)];
    await catalog.refresh(path, oldest - NEAR_US, newest + NEAR_US);
    let spans: { readonly fromUs: number; readonly all: readonly Timespan[] } | undefined;
    for (const [i, { one, us }] of sorted.entries()) {
      // Newest first: what lies between moments far apart is not read.
      if (!spans || us - NEAR_US < spans.fromUs) {
        const first = clusterStart(times.slice(i)) - NEAR_US;
        const known = index.timespans(path, index.lastStartUpTo(path, first), us + NEAR_US);
        spans = { fromUs: first, all: index.hidden.visibleSpans(path, known) };
      }
      const at = nearest(spans.all, us);
      if (at !== undefined) {
        pictures.set(one, at);
      }
    }
  }
  return pictures;
}

/** @param times newest first. @returns the first of those that follow each other within a day */
function clusterStart(times: readonly number[]): number {
  const end = times.findIndex((us, i) => us - (times[i + 1] ?? -Infinity) > DAY_US);
  return times[end] ?? 0;
}

function nearest(spans: readonly Timespan[], us: number): number | undefined {
  let best: number | undefined;
  for (const { startUs, durationUs } of spans) {
    const at = Math.min(Math.max(us, startUs), Math.max(startUs, startUs + durationUs - REST_US));
    if (best === undefined || Math.abs(at - us) < Math.abs(best - us)) {
      best = at;
    }
  }
  return best !== undefined && Math.abs(best - us) <= NEAR_US ? best : undefined;
}
