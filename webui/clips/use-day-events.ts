import { useEffect, useState } from 'preact/hooks';
import { continued, type EventPage, type EventWish, eventPage, renewed } from '../box/event-list.ts';
import { onNews } from '../box/news.ts';
import { pageShown } from '../box/wake.ts';

/** Viewers are told of nothing: they ask. */
const EVERY_MS = 15_000;

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
    const look = once(async () => {
      if (pageShown.peek()) {
        const newest = await eventPage(wish, undefined, stop.signal);
        show(renewed(page, newest));
      }
    });
    look();
    const timer = setInterval(look, EVERY_MS);
    const leave = (['event', 'gap'] as const).map((type) => onNews(type, look));
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

/** What is asked for while it goes on is done once more behind it. The strip above says when the box does not answer. */
function once(work: () => Promise<void>): () => void {
  let isGoing = false;
  let isAgain = false;
  const run = (): void => {
    if (isGoing) {
      isAgain = true;
      return;
    }
    isGoing = true;
    work()
      .catch(() => {})
      .finally(() => {
        isGoing = false;
        if (isAgain) {
          isAgain = false;
          run();
        }
      });
  };
  return run;
}
