import { useEffect, useState } from 'preact/hooks';
import { atEase } from '../api-client/coalesce.ts';
import { continued, type EventPage, type EventWish, eventPage, renewed } from '../api-client/event-list.ts';
import { type EventNow, onNews } from '../api-client/server-events.ts';
import { pageShown } from '../shell/page-state.ts';

/** Viewers are told of nothing: they ask. */
const EVERY_MS = 15_000;
/** Where much happens the list is not asked for with each of it. */
const REST_MS = 1_000;

export interface DayEvents {
  /** Undefined until the box has answered. */
  readonly page: EventPage | undefined;
  /** Asks for what is older; not twice. */
  readonly more: () => void;
}

const NOTHING: DayEvents = { page: undefined, more: () => {} };

/** What was seen, kept fresh as long as somebody looks. */
export function useDayEvents(wish: EventWish): DayEvents {
  const key = JSON.stringify(wish);
  const [known, setKnown] = useState<{ readonly key: string; readonly page: EventPage; readonly more: () => void }>();
  useEffect(() => {
    const stop = new AbortController();
    let page: EventPage | undefined;
    let asked: string | undefined;
    const more = () => {
      const before = page?.next;
      if (!before || before === asked) {
        return;
      }
      asked = before;
      eventPage(wish, before, stop.signal).then(
        (older) => show(continued(page, before, older)),
        () => {
          asked = undefined;
        },
      );
    };
    const show = (next: EventPage | undefined) => {
      page = next;
      if (next) {
        setKnown({ key, page: next, more });
      }
    };
    const lookNow = async () => {
      if (pageShown.peek()) {
        const newest = await eventPage(wish, undefined, stop.signal);
        show(renewed(page, newest));
      }
    };
    const look = atEase(lookNow, REST_MS, stop.signal);
    look();
    const timer = setInterval(look, EVERY_MS);
    const leave = [onNews('gap', look), onNews('event', (event) => isListed(event, wish) && look())];
    return () => {
      stop.abort();
      clearInterval(timer);
      for (const one of leave) {
        one();
      }
    };
  }, [key]);
  return known?.key === key ? known : NOTHING;
}

/** It stands in the list, if it is of a kind that is shown. */
function isListed({ path, start }: EventNow, wish: EventWish): boolean {
  const startMs = Date.parse(start);
  return (wish.path ?? path) === path && startMs >= wish.fromMs && startMs < wish.toMs;
}
