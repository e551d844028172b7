import type { Signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { coalesce } from '../../api-client/coalesce.ts';
import {
  appendOlder,
  type CameraEvent,
  type EventQuery,
  fetchEvents,
  type ListPage,
  mergeNewest,
} from '../../api-client/recordings/event-list.ts';
import { fetchReviews, type ReviewCard, type ReviewQuery } from '../../api-client/recordings/reviews.ts';
import { type EventUpdate, onServerEvent } from '../../api-client/server-events.ts';
import { isPageVisible } from '../../shell/page-state.ts';

const HOURS = /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/;
/** Viewers get no events, so they poll. */
const EVERY_MS = 15_000;
/** Minimum time between reloads after events. */
const REST_MS = 1_000;

interface Feed<T> {
  /** Undefined until the first response. */
  readonly page: ListPage<T> | undefined;
  /** Loads older ones, one page at a time. */
  readonly more: () => void;
  /** Fetches the newest page again. */
  readonly refresh: () => void;
}

const NOTHING = { page: undefined, more: () => {}, refresh: () => {} };

/** Events, kept up to date while the page is visible. */
export const useEvents = (query: EventQuery): Feed<CameraEvent> =>
  useFeed(
    query,
    (before, signal) => fetchEvents(query, before, signal),
    (event) => isListed(event, query),
  );

/** Cards of events, kept up to date while the page is visible. @param cache cards known before this page opened */
export const useReviews = (query: ReviewQuery, cache?: Signal<ListPage<ReviewCard> | undefined>): Feed<ReviewCard> =>
  useFeed(
    query,
    (before, signal) => fetchReviews(query, before, signal),
    () => true,
    cache,
  );

/** @param query with another one the list is another. @param isOfList whether a new event is in it */
function useFeed<T extends { readonly id: string }>(
  query: object,
  fetchPage: (before: string | undefined, signal: AbortSignal) => Promise<ListPage<T>>,
  isOfList: (event: EventUpdate) => boolean,
  cache?: Signal<ListPage<T> | undefined>,
): Feed<T> {
  const key = JSON.stringify(query);
  const [known, setKnown] = useState<Feed<T> & { readonly key: string }>();
  useEffect(() => {
    const stop = new AbortController();
    let page = cache?.peek();
    let asked: string | undefined;
    const more = () => {
      const before = page?.next;
      if (!before || before === asked) {
        return;
      }
      asked = before;
      fetchPage(before, stop.signal).then(
        (older) => show(appendOlder(page, before, older)),
        () => {
          asked = undefined;
        },
      );
    };
    const show = (next: ListPage<T> | undefined) => {
      page = next;
      if (next) {
        if (cache) {
          cache.value = next;
        }
        setKnown({ key, page: next, more, refresh: load });
      }
    };
    const loadNow = async () => {
      if (isPageVisible.peek()) {
        const newest = await fetchPage(undefined, stop.signal);
        show(mergeNewest(page, newest));
      }
    };
    const load = coalesce(loadNow, REST_MS, stop.signal);
    load();
    const timer = setInterval(load, EVERY_MS);
    const leave = [onServerEvent('gap', load), onServerEvent('event', (event) => isOfList(event) && load())];
    return () => {
      stop.abort();
      clearInterval(timer);
      for (const one of leave) {
        one();
      }
    };
  }, [key]);
  return known?.key === key ? known : { ...NOTHING, page: cache?.peek() };
}

/** Whether the event is in the list and its kind is shown. */
function isListed({ path, start }: EventUpdate, query: EventQuery): boolean {
  const startMs = Date.parse(start);
  return (query.path ?? path) === path && startMs >= (query.fromMs ?? 0) && startMs < query.toMs;
}

type ReviewFilters = Omit<ReviewQuery, 'path'>;

export const NO_FILTERS: ReviewFilters = { types: [], zone: undefined, hours: undefined, isUnseen: false };

/** Filters in the address of the page of events. What is not valid is left out. */
export function filtersOf(query = ''): ReviewFilters {
  const fields = new URLSearchParams(query);
  const hours = fields.get('hours') ?? '';
  return {
    types: (fields.get('types') ?? '')
      .split(',')
      .filter((type) => type !== '')
      .slice(0, 32),
    zone: fields.get('zone') || undefined,
    hours: HOURS.test(hours) ? hours : undefined,
    isUnseen: fields.has('new'),
  };
}

/** The same as text for `eventsLink`. */
export const filterText = ({ types, zone, hours, isUnseen }: ReviewFilters): string =>
  [
    ...(types.length > 0 ? [`types=${types.map(encodeURIComponent).join(',')}`] : []),
    ...(zone === undefined ? [] : [`zone=${encodeURIComponent(zone)}`]),
    ...(hours === undefined ? [] : [`hours=${hours}`]),
    ...(isUnseen ? ['new'] : []),
  ].join('&');
