import { useEffect, useState } from 'preact/hooks';
import { type News, onNews } from './server-events.ts';
import { ask } from './request.ts';
import { pageShown } from '../shell/page-state.ts';

interface AskedOptions {
  readonly everyMs: number;
  /** News after which the answer is another one. */
  readonly news?: readonly (keyof News)[];
}

export interface Asked<T> {
  /** Undefined until the box has answered; what was seen last stays. */
  readonly value: T | undefined;
  readonly again: () => void;
}

/** Asks the box now and again, while the page is shown. No address: nothing is asked. */
export function useAsked<T>(address: string | undefined, { everyMs, news = [] }: AskedOptions): Asked<T> {
  const [seen, setSeen] = useState<{ readonly address: string; readonly value: T }>();
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((before) => before + 1);
  useEffect(() => {
    if (address === undefined) {
      return undefined;
    }
    const stop = new AbortController();
    const look = () => {
      if (pageShown.peek()) {
        // The strip above says when the box does not answer.
        ask<T>(address, { signal: stop.signal }).then(
          (value) => stop.signal.aborted || setSeen({ address, value }),
          () => {},
        );
      }
    };
    look();
    const timer = setInterval(look, everyMs);
    const leave = [...news, 'gap' as const].map((type) => onNews(type, look));
    return () => {
      stop.abort();
      clearInterval(timer);
      for (const one of leave) {
        one();
      }
    };
  }, [address, turn]);
  return { value: seen?.address === address ? seen?.value : undefined, again };
}
