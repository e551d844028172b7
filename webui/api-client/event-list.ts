import { fetchJson } from './request.ts';

/** What a camera has seen, or what has become of it. Unix milliseconds. */
export interface CameraEvent {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly startMs: number;
  /** Undefined while it lasts. */
  readonly endMs: number | undefined;
  readonly text: string;
  /** The nearest recorded moment; undefined: there is none. */
  readonly pictureMs: number | undefined;
}

export interface EventPage {
  /** Newest first. */
  readonly items: readonly CameraEvent[];
  /** What is older is asked for with it; null: nothing is. */
  readonly next: string | null;
  /** What there is to choose from. */
  readonly types: readonly string[];
}

export interface EventQuery {
  readonly fromMs: number;
  readonly toMs: number;
  /** Undefined: of all cameras. */
  readonly path: string | undefined;
  /** Empty: of any. */
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

/** The newest were asked for again: what is older stays as it is known, as long as nothing can be missing between them. */
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

/** What is older has come. @param before with what it was asked for */
export function appendOlder(known: EventPage | undefined, before: string, older: EventPage): EventPage | undefined {
  return known?.next === before ? { ...known, items: [...known.items, ...older.items], next: older.next } : known;
}
