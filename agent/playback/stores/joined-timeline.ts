import type { Timeline } from '../timeline.ts';
import type { StoredTimeline } from './contract.ts';

type Stretch = readonly [atSeconds: number, seconds: number];

/** The server's recordings, and in their gaps those of the box. @param periodSeconds length of the period of both */
export function joinTimelines(own: Timeline, box: StoredTimeline, periodSeconds: number): Timeline {
  const { resolution } = own;
  const coverage = mergeStretches([...own.coverage, ...box.coverage], resolution);
  const gaps = without([[0, periodSeconds]], coverage).filter(([, seconds]) => seconds >= resolution);
  const isInGap = ([at, seconds]: readonly [number, number, ...unknown[]]): boolean =>
    gaps.some((gap) => at < gap[0] + gap[1] + REASON_SECONDS && at + seconds > gap[0] - REASON_SECONDS);
  // The box's reasons replace those of the server: the box is the one that records the camera.
  const known = box.reasons.map(([at, seconds]): Stretch => [at, seconds]);
  const others = own.reasons.filter(([at, seconds]) => without([[at, seconds]], known).length > 0);
  const added = without(box.coverage, own.coverage).reduce((sum, [, seconds]) => sum + seconds, 0);
  const hasEvents = own.events.length + own.eventCounts.length > 0;
  return {
    ...own,
    first: edge(own.first, box.first, -1),
    last: edge(own.last, box.last, 1),
    recordedSeconds: rounded(own.recordedSeconds + Math.min(added, box.recordedSeconds)),
    coverage,
    archived: [...own.archived, ...without(box.archived, own.coverage)].sort(byTime),
    fetched: [...own.fetched, ...without(box.fetched, own.coverage)].sort(byTime),
    imported: [...own.imported, ...without(box.imported, own.coverage)].sort(byTime),
    gaps,
    reasons: [...box.reasons, ...others].filter(isInGap).sort(byTime),
    // Events of the box's cameras are stored here too, except those of paths that match a pattern.
    ...(hasEvents ? {} : { events: box.events, eventCounts: box.eventCounts }),
    isCut: own.isCut || box.isCut,
  };
}

/** Times of reasons are accurate to some seconds. */
const REASON_SECONDS = 5;

const byTime = ([one]: readonly [number, ...unknown[]], [other]: readonly [number, ...unknown[]]): number =>
  one - other;

const rounded = (seconds: number): number => Number(seconds.toFixed(3));

/** @param by -1: the earlier one, 1: the later one */
function edge(one: string | null, other: string | null, by: -1 | 1): string | null {
  if (one === null || other === null) {
    return one ?? other;
  }
  return (Date.parse(other) - Date.parse(one)) * by > 0 ? other : one;
}

function mergeStretches(stretches: readonly Stretch[], minGapSeconds: number): Stretch[] {
  const result: Stretch[] = [];
  for (const [at, seconds] of stretches.toSorted(byTime)) {
    const last = result.at(-1);
    if (last && at - (last[0] + last[1]) < minGapSeconds) {
      result[result.length - 1] = [last[0], rounded(Math.max(last[1], at + seconds - last[0]))];
    } else {
      result.push([at, seconds]);
    }
  }
  return result;
}

/** @param others without overlap, oldest first */
function without(stretches: readonly Stretch[], others: readonly Stretch[]): Stretch[] {
  return stretches.flatMap(([at, seconds]) => {
    const left: Stretch[] = [];
    let done = at;
    for (const [from, length] of others) {
      if (from < at + seconds && from + length > done) {
        if (from > done) {
          left.push([done, rounded(from - done)]);
        }
        done = from + length;
      }
    }
    return done < at + seconds ? [...left, [done, rounded(at + seconds - done)] as const] : left;
  });
}
