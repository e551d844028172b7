import type { EventCounts, SeenObject } from '../../api-client/recordings/event-list.ts';
import { eventKindOf, eventLabel } from '../../cameras/event-kinds.ts';
import type { Mark } from '../../timeline/lane.ts';
import { clipWords } from '../../words/clips.ts';
import type { ClipsWords } from '../../words/en/clips.ts';

/** Types of the box itself. */
export const isStatusEvent = ({ type }: { readonly type: string }): boolean => type.startsWith('perch.');

/** Label of the box's own event. @param lasted duration as text, or undefined if it continues */
export function statusEventText(type: string, lasted: string | undefined, words: ClipsWords): string {
  if (type === 'perch.moved') {
    return words.hasMoved;
  }
  return lasted === undefined ? words.isAway : words.wasAway(lasted);
}

interface Found {
  readonly type: string;
  readonly objects?: readonly SeenObject[];
}

/** What an event shows: objects instead of the motion in which they were found. */
export function shownKinds({ type, objects = [] }: Found): readonly SeenObject[] {
  const others = objects.filter((object) => object.type !== type);
  const isOwn = others.length < objects.length;
  return eventKindOf(type) === 'motion' && objects.length > 0
    ? objects
    : [isOwn ? (objects.find((object) => object.type === type) as SeenObject) : { type, count: 1 }, ...others];
}

/** A filter: label, and the types with this label. */
interface LabelGroup {
  readonly word: string;
  readonly types: readonly string[];
}

/** Sorted by label. @param types may repeat */
export function labelGroups(types: readonly string[]): readonly LabelGroup[] {
  const byWord = new Map<string, string[]>();
  for (const type of new Set(types)) {
    const word = eventLabel(type);
    byWord.set(word, [...(byWord.get(word) ?? []), type]);
  }
  return [...byWord].map(([word, all]) => ({ word, types: all })).sort((a, b) => (a.word < b.word ? -1 : 1));
}

/** The event of the picture: the last one that has started, while it lasts and for at least ten seconds. */
export function eventAt<T extends Lasting>(events: readonly T[], ms: number, leadMs: number): T | undefined {
  const last = events.findLast(({ startMs }) => startMs - leadMs <= ms);
  return last && ms < Math.max(last.endMs ?? ms + 1, last.startMs + 10_000) ? last : undefined;
}

interface Lasting {
  readonly startMs: number;
  /** Undefined while it continues. */
  readonly endMs: number | undefined;
}

/** An event that stands for others too close to it, and their number. */
interface MarkGroup {
  readonly mark: Mark;
  readonly more: number;
}

/**
 * The events that fit, oldest first. The chosen event is kept, else the nearest to `ms`; from there on, events that
 * follow too soon are dropped.
 * @param minMs minimum distance between two events
 */
export function groupEvents(events: readonly Mark[], minMs: number, ms: number, leadMs: number): readonly MarkGroup[] {
  const away = ({ startMs }: Mark) => Math.abs(startMs - ms);
  const nearest = events.reduce<Mark | undefined>(
    (best, one) => (best && away(best) <= away(one) ? best : one),
    undefined,
  );
  const anchor = eventAt(events, ms, leadMs) ?? nearest;
  if (!anchor) {
    return [];
  }
  const at = events.indexOf(anchor);
  const before = outwards(events.slice(0, at + 1).reverse(), minMs);
  const [first, ...after] = outwards(events.slice(at), minMs);
  const middle = { mark: anchor, more: (before[0]?.more ?? 0) + (first?.more ?? 0) };
  return [...before.slice(1).reverse(), middle, ...after];
}

function outwards(events: readonly Mark[], minMs: number): readonly MarkGroup[] {
  const shown: { readonly mark: Mark; more: number }[] = [];
  for (const mark of events) {
    const last = shown.at(-1);
    if (last && Math.abs(mark.startMs - last.mark.startMs) < minMs) {
      last.more += 1;
    } else {
      shown.push({ mark, more: 0 });
    }
  }
  return shown;
}

/** Events of one kind and camera that follow each other, shown as one; `event` is the first of them. */
interface EventRun<T> {
  readonly event: T;
  readonly all: readonly T[];
}

/** From the end of one to the beginning of the next. */
const RUN_GAP_MS = 60_000;

/** @param events newest first. @returns newest first, by the first of each run */
export function groupRuns<T extends RunEvent>(events: readonly T[]): readonly EventRun<T>[] {
  const open = new Map<string, T[]>();
  const runs: T[][] = [];
  for (const event of events) {
    const kinds = shownKinds(event).map(({ type }) => type);
    const key = JSON.stringify([event.path, event.text, kinds]);
    const run = open.get(key);
    const [newest, next] = [run?.[0], run?.at(-1)];
    const follows =
      newest !== undefined &&
      next !== undefined &&
      next.startMs - (event.endMs ?? event.startMs) <= RUN_GAP_MS &&
      newest.startMs - event.startMs <= 5 * 60_000;
    if (run && follows && !isStatusEvent(event)) {
      run.push(event);
    } else {
      const first = [event];
      open.set(key, first);
      runs.push(first);
    }
  }
  return runs
    .map((all) => ({ event: all.at(-1) as T, all }))
    .sort((one, other) => other.event.startMs - one.event.startMs);
}

interface RunEvent extends Lasting {
  readonly path: string;
  readonly type: string;
  readonly text: string;
  readonly objects?: readonly SeenObject[];
}

interface Digest {
  readonly total: number;
  /** Label or name, and number; the largest first. */
  readonly kinds: readonly (readonly [string, number])[];
  readonly paths: readonly (readonly [string, number])[];
}

/** Sums of a day. */
export function digestOf(counts: EventCounts, words: ClipsWords): Digest {
  const label = ({ type }: { readonly type: string }) => (isStatusEvent({ type }) ? words.isAway : eventLabel(type));
  const own = counts
    .map(({ count, labelled, ...one }) => ({ ...one, labelled: 0, count: count - labelled }))
    .filter(({ count }) => count > 0);
  return {
    total: own.reduce((sum, { count }) => sum + count, 0),
    kinds: sums(counts, label),
    paths: sums(own, ({ path }) => path),
  };
}

function sums(
  counts: EventCounts,
  keyOf: (one: EventCounts[number]) => string,
): readonly (readonly [string, number])[] {
  const found = new Map<string, number>();
  for (const one of counts) {
    found.set(keyOf(one), (found.get(keyOf(one)) ?? 0) + one.count);
  }
  return [...found].sort(([, one], [, other]) => other - one);
}

/** A zone without a name is called by its place. */
export const zoneLabel = (zone: string): string => {
  const [, number] = /^Zone (\d+)$/.exec(zone) ?? [];
  return number === undefined ? zone : clipWords.value.seenZoneNumber(Number(number));
};
