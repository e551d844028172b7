import { effect, signal } from '@preact/signals';
import { coalesce } from '../../api-client/coalesce.ts';
import { type ListPage, mergeNewest } from '../../api-client/recordings/event-list.ts';
import { fetchReviews, type ReviewCard } from '../../api-client/recordings/reviews.ts';
import { onServerEvent } from '../../api-client/server-events.ts';
import { maySeeRecordings } from '../../cameras/cameras.ts';
import { hasNewEvents, isPageVisible } from '../../shell/page-state.ts';
import { NO_FILTERS } from './review-filters.ts';
import { isNewCard } from './seen-events.ts';

/** Known cards, which the page of events shows before the box answers. */
export const newestReviews = signal<ListPage<ReviewCard> | undefined>(undefined);

/** Viewers get no events, so they poll. */
const EVERY_MS = 60_000;
/** Minimum time between requests. */
const REST_MS = 10_000;

/** Keeps `newestReviews` and the mark for unseen events up to date while the page is open. Call it once. */
export function watchNewestEvents(): void {
  const { signal: never } = new AbortController();
  const loadNow = async () => {
    if (isPageVisible.peek() && maySeeRecordings.peek()) {
      const newest = await fetchReviews({ path: undefined, ...NO_FILTERS }, undefined, never);
      const merged = mergeNewest(newestReviews.peek(), newest);
      // A longer list is not kept for the next visit.
      newestReviews.value = merged.items.length > 400 ? newest : merged;
    }
  };
  const load = coalesce(loadNow, REST_MS, never);
  effect(() => {
    hasNewEvents.value = newestReviews.value?.items.some(isNewCard) ?? false;
  });
  load();
  setInterval(load, EVERY_MS);
  onServerEvent('event', load);
  onServerEvent('gap', load);
}
