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
  /** The nearest recorded moment, if there is one. */
  readonly pictureMs: number | undefined;
  /** Whether this person has seen the event, or undefined if the box stores no such mark for it. */
  readonly isSeen?: boolean | undefined;
}

export interface EventPage {
  /** Newest first. */
  readonly items: readonly CameraEvent[];
  /** Token of the next, older page; null: the list is complete. */
  readonly next: string | null;
  /** Event types of the period. */
  readonly types: readonly string[];
}

export interface EventQuery {
  /** Undefined: since the first event. */
  readonly fromMs: number | undefined;
  readonly toMs: number;
  /** Undefined: all cameras. */
  readonly path: string | undefined;
  /** Empty: all types. */
  readonly types: readonly string[];
  /** Only events that this person has not seen. */
  readonly isUnseen?: boolean;
}

interface Answer extends Pick<EventPage, 'next' | 'types'> {
  readonly items: readonly {
    readonly id: string;
    readonly path: string;
    readonly type: string;
    readonly start: string;
    readonly end: string | null;
    readonly text: string;
    readonly picture: string | null;
    readonly seen: boolean | null;
  }[];
}

export async function fetchEvents(
  { fromMs, toMs, path, types, isUnseen = false }: EventQuery,
  before: string | undefined,
  signal: AbortSignal,
): Promise<EventPage> {
  const query = new URLSearchParams({
    ...(fromMs === undefined ? {} : { from: new Date(fromMs).toISOString() }),
    to: new Date(toMs).toISOString(),
    ...(path === undefined ? {} : { path }),
    ...(types.length === 0 ? {} : { types: types.join(',') }),
    ...(before === undefined ? {} : { before }),
    ...(isUnseen ? { unseen: 'true' } : {}),
  });
  const { items, ...rest } = await fetchJson<Answer>(`v3/events/list?${query}`, { signal });
  return {
    ...rest,
    items: items.map(({ start, end, picture, seen, ...item }) => ({
      ...item,
      startMs: Date.parse(start),
      endMs: end === null ? undefined : Date.parse(end),
      pictureMs: picture === null ? undefined : Date.parse(picture),
      isSeen: seen ?? undefined,
    })),
  };
}

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
export type EventCounts = readonly { readonly path: string; readonly type: string; readonly count: number }[];

export async function fetchEventCounts(fromMs: number, toMs: number, signal: AbortSignal): Promise<EventCounts> {
  const query = new URLSearchParams({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() });
  return (await fetchJson<{ readonly items: EventCounts }>(`v3/events/digest?${query}`, { signal })).items;
}

/** Merges the newest page. Older events stay known if no event can be missing in between. */
export function mergeNewest(known: EventPage | undefined, newest: EventPage): EventPage {
  const last = newest.items.at(-1);
  if (!known || !last || newest.next === null) {
    return newest;
  }
  const at = known.items.findIndex(({ id, path }) => id === last.id && path === last.path);
  return at < 0
    ? newest
    : { ...newest, items: [...newest.items, ...known.items.slice(at + 1)], next: known.next ?? null };
}

/** Appends an older page. @param before its token */
export function appendOlder(known: EventPage | undefined, before: string, older: EventPage): EventPage | undefined {
  return known?.next === before ? { ...known, items: [...known.items, ...older.items], next: older.next } : known;
}
