import type { Signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { coalesce } from '../../api-client/coalesce.ts';
import {
  appendOlder,
  type EventPage,
  type EventQuery,
  fetchEvents,
  mergeNewest,
} from '../../api-client/recordings/event-list.ts';
import { type EventUpdate, onServerEvent } from '../../api-client/server-events.ts';
import { isPageVisible } from '../../shell/page-state.ts';

/** Viewers get no events, so they poll. */
const EVERY_MS = 15_000;
/** Minimum time between reloads after events. */
const REST_MS = 1_000;

interface EventFeed {
  /** Undefined until the first response. */
  readonly page: EventPage | undefined;
  /** Loads older events, one page at a time. */
  readonly more: () => void;
  /** Fetches the newest page again. */
  readonly refresh: () => void;
}

const NOTHING: EventFeed = { page: undefined, more: () => {}, refresh: () => {} };

/** Events, kept up to date while the page is visible. @param cache events known before this page opened */
export function useEvents(query: EventQuery, cache?: Signal<EventPage | undefined>): EventFeed {
  const key = JSON.stringify(query);
  const [known, setKnown] = useState<EventFeed & { readonly key: string }>();
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
      fetchEvents(query, before, stop.signal).then(
        (older) => show(appendOlder(page, before, older)),
        () => {
          asked = undefined;
        },
      );
    };
    const show = (next: EventPage | undefined) => {
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
        const newest = await fetchEvents(query, undefined, stop.signal);
        show(mergeNewest(page, newest));
      }
    };
    const load = coalesce(loadNow, REST_MS, stop.signal);
    load();
    const timer = setInterval(load, EVERY_MS);
    const leave = [onServerEvent('gap', load), onServerEvent('event', (event) => isListed(event, query) && load())];
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
