import { fetchJson } from '../request.ts';
import { type CameraEvent, type EventItem, type ListPage, readEvent } from './event-list.ts';

/** What the cameras of a group saw within seconds. Times in Unix milliseconds. */
export interface ReviewCard {
  readonly id: string;
  readonly startMs: number;
  /** Undefined while an event of it continues. */
  readonly endMs: number | undefined;
  /** The first to see something comes first. */
  readonly cameras: readonly ReviewCamera[];
  /** Recorded moments, oldest first. */
  readonly pictures: readonly { readonly path: string; readonly ms: number }[];
  /** Oldest first; at least one. */
  readonly events: readonly CameraEvent[];
  /** Their number, also of those that are not among them. */
  readonly eventCount: number;
  /** Whether this person has seen all of them, or undefined if the box stores no such mark. */
  readonly isSeen: boolean | undefined;
}

export interface ReviewCamera {
  readonly path: string;
  readonly types: readonly string[];
  readonly startMs: number;
  readonly endMs: number | undefined;
}

/** Filters of cards. */
export interface ReviewQuery {
  /** Undefined: all cameras. */
  readonly path: string | undefined;
  /** Empty: all types. */
  readonly types: readonly string[];
  /** Undefined: anywhere. */
  readonly zone: string | undefined;
  /** Such as `22:00-06:00`, in the time zone of the browser; undefined: the whole day. */
  readonly hours: string | undefined;
  /** Only cards with events that this person has not seen. */
  readonly isUnseen: boolean;
}

interface Period {
  readonly start: string;
  readonly end: string | null;
}

interface CardItem extends Period {
  readonly id: string;
  readonly cameras: readonly (Period & { readonly path: string; readonly types: readonly string[] })[];
  readonly pictures: readonly { readonly path: string; readonly time: string }[];
  readonly events: readonly EventItem[];
  readonly eventCount: number;
  readonly seen: boolean | null;
}

/** Later than every event. */
const LATEST = '2100-01-01T00:00:00Z';

/** @param limit number of cards; default: that of the box */
export async function fetchReviews(
  { path, types, zone, hours, isUnseen }: ReviewQuery,
  before: string | undefined,
  signal: AbortSignal,
  limit?: number,
): Promise<ListPage<ReviewCard>> {
  const query = new URLSearchParams({
    to: LATEST,
    ...(path === undefined ? {} : { path }),
    ...(types.length === 0 ? {} : { types: types.join(',') }),
    ...(zone === undefined ? {} : { zone }),
    ...(hours === undefined ? {} : { hours, timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone }),
    ...(isUnseen ? { unseen: 'true' } : {}),
    ...(before === undefined ? {} : { before }),
    ...(limit === undefined ? {} : { limit: String(limit) }),
  });
  const { items, ...rest } = await fetchJson<ListPage<CardItem>>(`v3/reviews?${query}`, { signal });
  return { ...rest, items: items.map(readCard) };
}

export const fetchReview = async (id: string, signal: AbortSignal): Promise<ReviewCard> =>
  readCard(await fetchJson<CardItem>(`v3/reviews/${encodeURIComponent(id)}`, { signal }));

export const markReviewSeen = (id: string): Promise<unknown> =>
  fetchJson(`v3/reviews/${encodeURIComponent(id)}/seen`, { method: 'POST' });

const readPeriod = ({ start, end }: Period) => ({
  startMs: Date.parse(start),
  endMs: end === null ? undefined : Date.parse(end),
});

const readCard = ({ id, cameras, pictures, events, eventCount, seen, ...period }: CardItem): ReviewCard => ({
  id,
  ...readPeriod(period),
  cameras: cameras.map(({ path, types, ...own }) => ({ path, types, ...readPeriod(own) })),
  pictures: pictures.map(({ path, time }) => ({ path, ms: Date.parse(time) })),
  events: events.map(readEvent),
  eventCount,
  isSeen: seen ?? undefined,
});
