import { useEffect, useState } from 'preact/hooks';
import type { SystemAnswer } from '../api-client/api-types.ts';
import { fetchJson } from '../api-client/request.ts';
import { isPageVisible } from '../shell/page-state.ts';

/** `behindMs`: offset to the box's clock at the response; negative: the browser is ahead. */
export type SystemFacts = SystemAnswer & { readonly clock: { readonly behindMs: number } };

export async function systemFacts(signal: AbortSignal): Promise<SystemFacts> {
  const { clock, ...facts } = await fetchJson<SystemAnswer>('v3/system', { signal });
  return { ...facts, clock: { ...clock, behindMs: Date.now() - Date.parse(clock.time) } };
}

const POLL_MS = 5_000;

/** Undefined until the first response; the last values stay. */
export function useSystemFacts(): SystemFacts | undefined {
  const [facts, setFacts] = useState<SystemFacts>();
  useEffect(() => {
    const stop = new AbortController();
    const load = () => {
      if (isPageVisible.peek()) {
        systemFacts(stop.signal).then(setFacts, () => {});
      }
    };
    load();
    const timer = setInterval(load, POLL_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  return facts;
}
