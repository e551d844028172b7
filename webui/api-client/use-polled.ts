import { useEffect, useState } from 'preact/hooks';
import { isPageVisible } from '../shell/page-state.ts';
import { fetchJson } from './request.ts';
import { onServerEvent, type ServerEvents } from './server-events.ts';

/** Milliseconds from one request to the next. */
const RATES = { live: 500, fast: 2_000, steady: 5_000, normal: 10_000, slow: 30_000 } as const;

interface PollOptions {
  /** Events that trigger a request. */
  readonly news?: readonly (keyof ServerEvents)[];
  readonly onFailure?: (error: unknown) => void;
}

interface Polled<T> {
  /** Undefined until the first response; the last value stays. */
  readonly value: T | undefined;
  readonly again: () => void;
}

/** Polls while the page is visible, one request at a time: after news during one there is another. Without an address nothing is requested. */
export function usePolled<T>(
  address: string | undefined,
  rate: keyof typeof RATES,
  { news = [], onFailure }: PollOptions = {},
): Polled<T> {
  const [seen, setSeen] = useState<{ readonly address: string; readonly value: T }>();
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((before) => before + 1);
  useEffect(() => {
    if (address === undefined) {
      return undefined;
    }
    const stop = new AbortController();
    const { signal } = stop;
    let isAsking = false;
    let isStale = false;
    const load = () => {
      isStale = isAsking;
      if (!isAsking && isPageVisible.peek()) {
        isAsking = true;
        fetchJson<T>(address, { signal })
          .then(
            (value) => signal.aborted || setSeen({ address, value }),
            (error: unknown) => signal.aborted || onFailure?.(error),
          )
          .finally(() => {
            isAsking = false;
            if (isStale && !signal.aborted) {
              load();
            }
          });
      }
    };
    load();
    const timer = setInterval(() => isAsking || load(), RATES[rate]);
    const leave = [...news, 'gap' as const].map((type) => onServerEvent(type, load));
    return () => {
      stop.abort();
      clearInterval(timer);
      for (const one of leave) {
        one();
      }
    };
  }, [address, rate, turn]);
  return { value: seen?.address === address ? seen?.value : undefined, again };
}
