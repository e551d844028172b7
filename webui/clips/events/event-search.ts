import { signal } from '@preact/signals';
import { type CameraEvent, type EventPage, fetchEvents } from '../../api-client/recordings/event-list.ts';
import { cameras } from '../../cameras/cameras.ts';
import { LEAD_MS } from '../../timeline/view.ts';
import { DAY_MS, MINUTE_MS } from '../../words/units.ts';
import { isStatusEvent } from './event-labels.ts';

/** Types of the box; empty: all. */
export const chosenTypes = signal<readonly string[]>([]);

/** The events that lists show: not the status of sub streams, which follows that of their main stream. */
export const visibleEvents = (items: readonly CameraEvent[]): readonly CameraEvent[] =>
  items.filter((event) => !isStatusEvent(event) || !cameras.peek()?.some(({ sub }) => sub?.name === event.path));

/** Within this distance of an event's start, the view is at that event. */
const NEAR_MS = 500;

const inOrder = (one: CameraEvent, other: CameraEvent): number =>
  one.startMs - other.startMs || (one.path < other.path ? -1 : one.path > other.path ? 1 : 0);

/**
 * The event before or after the view, of any camera. After a jump to an event, those that started with it are skipped.
 *
 * @param name the shown camera
 */
export function adjacentEvent(
  events: readonly CameraEvent[],
  name: string,
  ms: number,
  by: -1 | 1,
): CameraEvent | undefined {
  const away = ({ startMs }: CameraEvent) => Math.abs(startMs - LEAD_MS - ms);
  const isHere = (event: CameraEvent) => event.path === name && away(event) <= NEAR_MS;
  const all = events.toSorted((one, other) => by * inOrder(one, other));
  const here = all.filter(isHere).sort((one, other) => away(one) - away(other))[0];
  return all.find((event) =>
    here ? !isHere(event) && by * inOrder(event, here) > 0 : by * (event.startMs - LEAD_MS - ms) > 0,
  );
}

/** Width of the first searched period. Each further one is wider, because the box lists the newest events of a period first. */
const FIRST_REACH_MS = 10 * MINUTE_MS;
const REACH_FACTOR = 3;
/** The box's limit of a request: 32 days. */
const MAX_REACH_MS = 30 * DAY_MS;

/** The nearest event of the list in a direction; undefined if there is none. */
export async function findAdjacentEvent(
  name: string,
  ms: number,
  by: -1 | 1,
  signal: AbortSignal,
): Promise<CameraEvent | undefined> {
  // All events around the current one are known.
  let edgeMs = ms + LEAD_MS - by * NEAR_MS;
  const endMs = by > 0 ? Math.max(edgeMs, Date.now()) + DAY_MS : edgeMs - 399 * DAY_MS;
  for (let reachMs = FIRST_REACH_MS; by * (endMs - edgeMs) > 0; reachMs *= REACH_FACTOR) {
    const nextMs = edgeMs + by * Math.min(reachMs, MAX_REACH_MS);
    const [fromMs, toMs] = by > 0 ? [edgeMs, nextMs] : [nextMs, edgeMs];
    const found = adjacentEvent(await allBetween(fromMs, toMs, signal), name, ms, by);
    if (found) {
      return found;
    }
    edgeMs = nextMs;
  }
  return undefined;
}

async function allBetween(fromMs: number, toMs: number, signal: AbortSignal): Promise<readonly CameraEvent[]> {
  const items: CameraEvent[] = [];
  let before: string | undefined;
  do {
    const query = { fromMs, toMs, path: undefined, types: chosenTypes.peek() };
    const page: EventPage = await fetchEvents(query, before, signal);
    items.push(...visibleEvents(page.items));
    before = page.next ?? undefined;
  } while (before !== undefined);
  return items;
}
