import { fetchJson } from '../request.ts';

/** An event of a camera, or of its connection. Times in Unix milliseconds. */
export interface CameraEvent {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly startMs: number;
  /** Undefined while it continues. */
  readonly endMs: number | undefined;
  readonly text: string;
  /** What was found in its pictures. */
  readonly objects?: readonly SeenObject[];
  /** Zones of the picture in which it has been. */
  readonly zones?: readonly string[];
  /** The nearest recorded moment, if there is one; with objects, the moment of the surest. */
  readonly pictureMs: number | undefined;
  /** Whether this person has seen the event, or undefined if the box stores no such mark for it. */
  readonly isSeen?: boolean | undefined;
}

export interface SeenObject {
  readonly type: string;
  /** In one picture at most. */
  readonly count: number;
}

/** A page of events, or of cards. */
export interface ListPage<T> {
  /** Newest first. */
  readonly items: readonly T[];
  /** Token of the next, older page; null: the list is complete. */
  readonly next: string | null;
  /** Event types of the period. */
  readonly types: readonly string[];
  /** Zones of its events. A box of an earlier release has none. */
  readonly zones?: readonly string[];
}

export type EventPage = ListPage<CameraEvent>;

export interface EventQuery {
  /** Undefined: since the first event. */
  readonly fromMs: number | undefined;
  readonly toMs: number;
  /** Undefined: all cameras. */
  readonly path: string | undefined;
  /** Empty: all types. */
  readonly types: readonly string[];
}

/** An event in an answer. */
export interface EventItem {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly start: string;
  readonly end: string | null;
  readonly text: string;
  /** Of a list of events. */
  readonly picture?: string | null;
  readonly seen: boolean | null;
  /** Null: it was not examined. */
  readonly labels?: readonly Label[] | null;
  readonly zones?: readonly string[] | null;
}

interface Label {
  readonly type: string;
  readonly score: number;
  /** Time of its picture. */
  readonly at: string;
}

export async function fetchEvents(
  { fromMs, toMs, path, types }: EventQuery,
  before: string | undefined,
  signal: AbortSignal,
): Promise<EventPage> {
  const query = new URLSearchParams({
    ...(fromMs === undefined ? {} : { from: new Date(fromMs).toISOString() }),
    to: new Date(toMs).toISOString(),
    ...(path === undefined ? {} : { path }),
    ...(types.length === 0 ? {} : { types: types.join(',') }),
    ...(before === undefined ? {} : { before }),
  });
  const { items, ...rest } = await fetchJson<ListPage<EventItem>>(`v3/events/list?${query}`, { signal });
  return { ...rest, items: items.map(readEvent) };
}

export const readEvent = ({ start, end, picture, seen, labels, zones, ...item }: EventItem): CameraEvent => ({
  ...item,
  objects: objectsOf(labels ?? []),
  ...(zones && { zones }),
  startMs: Date.parse(start),
  endMs: end === null ? undefined : Date.parse(end),
  pictureMs: picture == null ? undefined : Date.parse(surest(labels ?? [])?.at ?? picture),
  isSeen: seen ?? undefined,
});

/** Kinds of objects in the order of the labels, with the largest number in one picture. */
export function objectsOf(labels: readonly Pick<Label, 'type' | 'at'>[]): readonly SeenObject[] {
  return [...new Set(labels.map(({ type }) => type))].map((type) => {
    const times = labels.filter((label) => label.type === type).map(({ at }) => at);
    return { type, count: Math.max(...times.map((at) => times.filter((other) => other === at).length)) };
  });
}

const surest = (labels: readonly Label[]): Label | undefined =>
  labels.reduce<Label | undefined>((best, label) => (best && best.score >= label.score ? best : label), undefined);

const SEEN = 'v3/events/seen';

export async function markSeen(events: readonly CameraEvent[]): Promise<void> {
  const marked = events.map(({ path, id, startMs }) => ({ path, id, start: new Date(startMs).toISOString() }));
  await fetchJson(SEEN, { method: 'POST', body: { events: marked } });
}

/** @returns the time before the change; a call with it undoes the change */
export async function markSeenUpTo(ms: number): Promise<number> {
  const body = { upTo: new Date(ms).toISOString() };
  return Date.parse((await fetchJson<{ readonly before: string }>(SEEN, { method: 'POST', body })).before);
}

/** Numbers of events, the largest first. */
export type EventCounts = readonly EventCount[];

interface EventCount {
  readonly path: string;
  readonly type: string;
  readonly count: number;
  /** Of `count`: events of another type, in which this was found. They count there, too. */
  readonly labelled: number;
}

export async function fetchEventCounts(fromMs: number, toMs: number, signal: AbortSignal): Promise<EventCounts> {
  const query = new URLSearchParams({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() });
  return (await fetchJson<{ readonly items: EventCounts }>(`v3/events/digest?${query}`, { signal })).items;
}

interface Listed {
  readonly id: string;
  /** Absent: the id is unique. */
  readonly path?: string;
}

/** Merges the newest page, which may be empty before others. Older events stay known if none can be missing between. */
export function mergeNewest<T extends Listed>(known: ListPage<T> | undefined, newest: ListPage<T>): ListPage<T> {
  const last = newest.items.at(-1);
  if (!known || newest.next === null) {
    return newest;
  }
  if (!last) {
    return { ...known, types: newest.types, zones: newest.zones ?? [] };
  }
  const at = known.items.findIndex(({ id, path }) => id === last.id && path === last.path);
  return at < 0
    ? newest
    : { ...newest, items: [...newest.items, ...known.items.slice(at + 1)], next: known.next ?? null };
}

/** Appends an older page. @param before its token */
export function appendOlder<T>(
  known: ListPage<T> | undefined,
  before: string,
  older: ListPage<T>,
): ListPage<T> | undefined {
  return known?.next === before ? { ...known, items: [...known.items, ...older.items], next: older.next } : known;
}
