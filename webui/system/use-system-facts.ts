import { useEffect, useState } from 'preact/hooks';
import { type SystemFacts, systemFacts } from './system-facts.ts';
import { pageShown } from '../shell/page-state.ts';

const LOOK_MS = 5_000;

/** Undefined until the box has answered; what was seen last stays. */
export function useSystemFacts(): SystemFacts | undefined {
  const [facts, setFacts] = useState<SystemFacts>();
  useEffect(() => {
    const stop = new AbortController();
    const look = () => {
      if (pageShown.peek()) {
        systemFacts(stop.signal).then(setFacts, () => {});
      }
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  return facts;
}
