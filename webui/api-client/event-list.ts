import { fetchJson } from './request.ts';

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
  readonly fromMs: number;
  readonly toMs: number;
  /** Undefined: all cameras. */
  readonly path: string | undefined;
  /** Empty: all types. */
  readonly types: readonly string[];
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
  }[];
}

export async function fetchEvents(
  { fromMs, toMs, path, types }: EventQuery,
  before: string | undefined,
  signal: AbortSignal,
): Promise<EventPage> {
  const query = new URLSearchParams({
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    ...(path === undefined ? {} : { path }),
    ...(types.length === 0 ? {} : { types: types.join(',') }),
    ...(before === undefined ? {} : { before }),
  });
  const { items, ...rest } = await fetchJson<Answer>(`v3/events/list?${query}`, { signal });
  return {
    ...rest,
    items: items.map(({ start, end, picture, ...item }) => ({
      ...item,
      startMs: Date.parse(start),
      endMs: end === null ? undefined : Date.parse(end),
      pictureMs: picture === null ? undefined : Date.parse(picture),
    })),
  };
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
