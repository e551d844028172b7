import type { SeenObject } from '../api-client/recordings/event-list.ts';
import type { Span } from '../api-client/recordings/recordings.ts';
import { isObject } from '../cameras/event-kinds.ts';

/** Data of a camera's lane in typed arrays: a month is drawn in one animation frame. Unix milliseconds. */
export interface Lane {
  /** Alternating starts and ends, sorted, without overlaps. */
  readonly covered: Float64Array;
  readonly events: readonly Mark[];
  /** Those in which something was recognised; counted ones may be of other events. */
  readonly objects: readonly Mark[];
  /** Alternating starts and ends. */
  readonly kept: Float64Array;
  /** Only the archive has them. */
  readonly archived: Float64Array;
  /** From the card of the camera. */
  readonly fetched: Float64Array;
  /** From a recorder or camera. */
  readonly imported: Float64Array;
  readonly reasons: readonly GapReason[];
  /** Too many events to list: they are counted. */
  readonly isCounted: boolean;
}

/** The box's reason code of a gap. Start and end are off by seconds. */
export interface GapReason {
  readonly startMs: number;
  readonly endMs: number;
  readonly reason: string;
}

/** An event, or several close together. `endMs` is now while it continues. */
export interface Mark {
  readonly id: string;
  readonly type: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly count: number;
  /** What was found in its pictures. */
  readonly objects?: readonly SeenObject[];
}

/** Answer of `/v3/timeline`. `at` is in seconds after `from`. */
export interface TimelineAnswer {
  readonly from: string;
  readonly to: string;
  readonly coverage: readonly (readonly [at: number, seconds: number])[];
  /** What of `coverage` only the archive has. */
  readonly archived: readonly (readonly [at: number, seconds: number])[];
  /** What of it is from the card of the camera. Absent: the box of the camera is older. */
  readonly fetched?: readonly (readonly [at: number, seconds: number])[];
  /** What of it was imported. Absent: as above. */
  readonly imported?: readonly (readonly [at: number, seconds: number])[];
  readonly reasons: readonly (readonly [at: number, seconds: number, reason: string])[];
  readonly events: readonly {
    readonly id: string;
    readonly type: string;
    readonly at: number;
    readonly duration: number | null;
    readonly text: string;
    /** Types of what was found in its pictures. */
    readonly labels?: readonly string[];
  }[];
  readonly eventCounts: readonly {
    readonly type: string;
    readonly at: number;
    readonly duration: number;
    readonly count: number;
    /** Of `count`: events of another type, which count there, too. */
    readonly labelled?: number;
  }[];
  readonly protected: readonly { readonly at: number; readonly duration: number }[];
  /** Recordings of another box are not in it. */
  readonly missing?: { readonly since: string | null } | null;
}

/** Recorded ranges, in milliseconds. */
export function coveredOf(spans: readonly Span[]): Float64Array {
  return merged(spans.flatMap(({ startMs, endMs }) => [startMs, endMs]));
}

type Spans = TimelineAnswer['coverage'];

/** The same ranges of all answers. */
const pairsOf = (answers: readonly TimelineAnswer[], of: (answer: TimelineAnswer) => Spans): Float64Array =>
  merged(
    answers.flatMap((answer) => {
      const fromMs = Date.parse(answer.from);
      return of(answer).flatMap(([at, seconds]) => [fromMs + at * 1000, fromMs + (at + seconds) * 1000]);
    }),
  );

/** @param nowMs end of what continues */
export function buildLane(answers: readonly TimelineAnswer[], nowMs: number): Lane {
  const reasons: GapReason[] = [];
  const events = new Map<string, Mark>();
  const objects = new Map<string, Mark>();
  for (const answer of answers) {
    const fromMs = Date.parse(answer.from);
    const at = (seconds: number) => fromMs + seconds * 1000;
    for (const [start, seconds, reason] of answer.reasons) {
      reasons.push({ startMs: at(start), endMs: at(start + seconds), reason });
    }
    for (const { id, type, at: start, duration, text, labels } of answer.events.filter(isSeen)) {
      const startMs = at(start);
      const endMs = duration === null ? Math.max(startMs, nowMs) : startMs + duration * 1000;
      const objects = labels?.map((label) => ({ type: label, count: 1 }));
      events.set(id, { id, type, startMs, endMs, text, count: 1, ...(objects && { objects }) });
    }
    for (const { type, at: start, duration, count, labelled = 0 } of answer.eventCounts.filter(isSeen)) {
      const startMs = at(start);
      const mark = { id: '', type, startMs, endMs: startMs + duration * 1000, text: '', count };
      if (count > labelled) {
        events.set(`${type} ${startMs}`, { ...mark, count: count - labelled });
      }
      objects.set(`${type} ${startMs}`, mark);
    }
  }
  for (const [key, mark] of events) {
    if (!objects.has(key)) {
      objects.set(key, mark);
    }
  }
  return {
    covered: pairsOf(answers, ({ coverage }) => coverage),
    archived: pairsOf(answers, ({ archived }) => archived),
    fetched: pairsOf(answers, ({ fetched = [] }) => fetched),
    imported: pairsOf(answers, ({ imported = [] }) => imported),
    kept: pairsOf(answers, (answer) => answer.protected.map((one) => [one.at, one.duration])),
    events: [...events.values()].sort(byStart),
    objects: [...objects.values()].filter(hasObject).sort(byStart),
    reasons,
    isCounted: answers.some(({ eventCounts }) => eventCounts.length > 0),
  };
}

const byStart = (one: Mark, other: Mark): number => one.startMs - other.startMs;

/** Whether something was recognised: by the camera, or in its pictures. */
const hasObject = ({ type, objects = [] }: Mark): boolean => objects.length > 0 || isObject(type);

/** Events of the box itself are not detections. */
const isSeen = ({ type }: { readonly type: string }): boolean => !type.startsWith('perch.');

export const EMPTY: Lane = buildLane([], 0);

/** Sorts and merges; ranges of neighbouring responses meet. @param pairs alternating starts and ends */
export function merged(pairs: readonly number[]): Float64Array {
  const order = Array.from({ length: pairs.length / 2 }, (_, i) => i).sort(
    (a, b) => (pairs[2 * a] ?? 0) - (pairs[2 * b] ?? 0),
  );
  const out: number[] = [];
  for (const i of order) {
    const [start = 0, end = 0] = [pairs[2 * i], pairs[2 * i + 1]];
    const lastEnd = out.at(-1);
    if (lastEnd !== undefined && start <= lastEnd) {
      out[out.length - 1] = Math.max(lastEnd, end);
    } else if (end > start) {
      out.push(start, end);
    }
  }
  return Float64Array.from(out);
}

/** Index of the first pair that ends after the moment; the length if there is none. */
export function firstBehind(pairs: Float64Array, ms: number): number {
  let low = 0;
  let high = pairs.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pairs[2 * middle + 1] ?? 0) > ms) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return 2 * low;
}

/** Whether the moment is recorded. */
export function isCovered(covered: Float64Array, ms: number): boolean {
  return (covered[firstBehind(covered, ms)] ?? Number.POSITIVE_INFINITY) <= ms;
}

/** The mark before or after a moment. A jump to a mark lands shortly before it. */
export function adjacentMark(events: readonly Mark[], ms: number, by: -1 | 1, leadMs: number): Mark | undefined {
  return by > 0
    ? events.find(({ startMs }) => startMs - leadMs > ms + 500)
    : events.findLast(({ startMs }) => startMs - leadMs < ms - 500);
}

/**
 * Number of events per column, scaled to 0 to 1.
 *
 * @param into filled and returned
 */
export function histogram(events: readonly Mark[], fromMs: number, columnMs: number, into: Float32Array): Float32Array {
  into.fill(0);
  for (const { startMs, endMs, count } of events) {
    const first = Math.floor((startMs - fromMs) / columnMs);
    const last = Math.floor((Math.max(endMs, startMs + 1) - 1 - fromMs) / columnMs);
    for (let i = Math.max(0, first); i <= Math.min(into.length - 1, last); i += 1) {
      const beginMs = fromMs + i * columnMs;
      const share = (Math.min(endMs, beginMs + columnMs) - Math.max(startMs, beginMs)) / columnMs;
      into[i] = Math.min(1, (into[i] ?? 0) + Math.max(share, 0.25 * Math.min(4, count)));
    }
  }
  return into;
}
