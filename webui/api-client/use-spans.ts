import { useEffect, useState } from 'preact/hooks';
import { pause } from '../shell/sleep.ts';
import { isListShown, namesToPlay, recordedNames, recordedSpans, type Span } from './recordings.ts';
import { pageShown } from '../shell/page-state.ts';

const RETRY_MS = 2_000;
/** The list of all files is long: a new camera has time. */
const NAMES_MS = 60_000;
const FIRST_NAME_MS = 5_000;

export type Recorded = readonly Span[] | 'mpegts';

/** Names of what has recordings, or for viewers and guests may have; undefined until the box has answered. */
export function useRecordedNames(): readonly string[] | undefined {
  const [listed, setListed] = useState<readonly string[]>();
  const asksList = isListShown.value;
  const everyMs = listed?.length === 0 ? FIRST_NAME_MS : NAMES_MS;
  useEffect(() => {
    const stop = new AbortController();
    if (asksList) {
      repeat(stop.signal, async () => setListed(await recordedNames(stop.signal)), everyMs);
    }
    return () => stop.abort();
  }, [asksList, everyMs]);
  return asksList ? listed : namesToPlay.value;
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

/** Does it again every so often while the page is shown; sooner when it failed. */
async function repeat(stop: AbortSignal, work: () => Promise<void>, everyMs: number): Promise<void> {
  while (!stop.aborted) {
    let waitMs = everyMs;
    if (pageShown.peek()) {
      // The strip above says when the box does not answer.
      await work().catch(() => {
        waitMs = RETRY_MS;
      });
    }
    await pause(waitMs, stop);
  }
}
