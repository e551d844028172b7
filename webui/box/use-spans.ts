import { useEffect, useState } from 'preact/hooks';
import { pause } from './pause.ts';
import { recordedNames, recordedSpans, type Span } from './recordings.ts';
import { pageShown } from './wake.ts';

const RETRY_MS = 2_000;

export type Recorded = readonly Span[] | 'mpegts';

/** Names of what has recordings; undefined until the box has answered. */
export function useRecordedNames(): readonly string[] | undefined {
  const [names, setNames] = useState<readonly string[]>();
  useEffect(() => {
    const stop = new AbortController();
    repeat(stop.signal, async () => setNames(await recordedNames(stop.signal)), Number.POSITIVE_INFINITY);
    return () => stop.abort();
  }, []);
  return names;
}

/** What there is of a camera; asked for again from time to time, since recording goes on. */
export function useSpans(name: string | undefined, everyMs: number): Recorded | undefined {
  const [known, setKnown] = useState<{ name: string; spans: Recorded }>();
  useEffect(() => {
    const stop = new AbortController();
    if (name !== undefined) {
      repeat(stop.signal, async () => setKnown({ name, spans: await recordedSpans(name, stop.signal) }), everyMs);
    }
    return () => stop.abort();
  }, [name, everyMs]);
  return known?.name === name ? known?.spans : undefined;
}

/** Does it again every so often while the page is shown; sooner when it failed. Infinity: until it has worked once. */
async function repeat(stop: AbortSignal, work: () => Promise<void>, everyMs: number): Promise<void> {
  while (!stop.aborted) {
    let waitMs = everyMs;
    if (pageShown.peek()) {
      // The strip above says when the box does not answer.
      await work().catch(() => {
        waitMs = RETRY_MS;
      });
    }
    if (waitMs === Number.POSITIVE_INFINITY) {
      return;
    }
    await pause(waitMs, stop);
  }
}
