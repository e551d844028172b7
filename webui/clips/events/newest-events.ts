import { effect, signal } from '@preact/signals';
import { coalesce } from '../../api-client/coalesce.ts';
import { type EventPage, type EventQuery, fetchEvents } from '../../api-client/recordings/event-list.ts';
import { onServerEvent } from '../../api-client/server-events.ts';
import { maySeeRecordings } from '../../cameras/cameras.ts';
import { hasNewEvents, isPageVisible } from '../../shell/page-state.ts';
import { visibleEvents } from './event-search.ts';
import { isNew } from './seen-events.ts';

/** Events of all cameras. */
export const ALL_EVENTS: EventQuery = {
  fromMs: undefined,
  // Later than every event.
  toMs: Date.UTC(2100, 0, 1),
  path: undefined,
  types: [],
  isUnseen: false,
};

/** Known events, which the page of events shows before the box answers. */
export const newestEvents = signal<EventPage | undefined>(undefined);

/** Viewers get no events, so they poll. */
const EVERY_MS = 60_000;
/** Minimum time between requests. */
const REST_MS = 10_000;

/** Keeps `newestEvents` and the mark for unseen events up to date while the page is open. Call it once. */
export function watchNewestEvents(): void {
  const { signal: never } = new AbortController();
  const loadNow = async () => {
    if (isPageVisible.peek() && maySeeRecordings.peek()) {
      newestEvents.value = await fetchEvents(ALL_EVENTS, undefined, never);
    }
  };
  const load = coalesce(loadNow, REST_MS, never);
  effect(() => {
    hasNewEvents.value = visibleEvents(newestEvents.value?.items ?? []).some(isNew);
  });
  load();
  setInterval(load, EVERY_MS);
  onServerEvent('event', load);
  onServerEvent('gap', load);
}
