import { computed } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { isPageVisible } from '../shell/page-state.ts';
import { sleep } from '../shell/sleep.ts';
import { paths } from './paths.ts';
import { fetchJson, RequestError } from './request.ts';
import { isOwner, session } from './session.ts';
import { spansAddress } from './urls.ts';

/** A time of recording without a gap. */
export interface Span {
  /** As the device wrote it, RFC 3339: exact to the microsecond, so that playing begins at the first picture. */
  readonly start: string;
  /** Unix milliseconds, cut down to whole ones. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Whether what was recorded of a camera, and what was seen by it, is shown to whoever looks. */
export const mayPlayBack = (name: string): boolean =>
  isOwner.value || paths.value?.find((path) => path.name === name)?.mayPlayback === true;

const LIST_LIMIT_MS = 60_000;

/** The list of what has recordings is the owner's. */
export const canListRecordings = computed(() => !['viewer', 'guest'].includes(session.value?.role ?? ''));

/** What viewers and guests may play back, with recordings or without; undefined until the device has answered. */
export const playableNames = computed(() =>
  paths.value?.flatMap(({ name, mayPlayback }) => (mayPlayback === false ? [] : [name])),
);

/** Names of the paths that have recordings. */
async function recordedNames(signal: AbortSignal): Promise<readonly string[]> {
  const answer = await fetchJson<{ items: readonly { readonly name: string }[] }>(
    'v3/recordings/list?itemsPerPage=1000',
    {
      signal,
      limitMs: LIST_LIMIT_MS,
    },
  );
  return answer.items.map(({ name }) => name);
}

/** How the device's sentence begins when a camera's recordings are MPEG-TS; other reasons have the same status. */
const MPEGTS = 'MPEG-TS format';

/** Oldest first, empty when nothing was recorded; or that it was recorded in a way that the device does not play. */
async function recordedSpans(name: string, signal: AbortSignal): Promise<readonly Span[] | 'mpegts'> {
  try {
    const entries = await fetchJson<readonly { readonly start: string; readonly duration: number }[]>(
      spansAddress(name),
      {
        signal,
        limitMs: LIST_LIMIT_MS,
      },
    );
    return entries.map(({ start, duration }) => ({
      start,
      startMs: Date.parse(start),
      endMs: Date.parse(start) + duration * 1000,
    }));
  } catch (error) {
    if (error instanceof RequestError && error.status === 404) {
      return [];
    }
    if (error instanceof RequestError && error.status === 400 && error.message.startsWith(MPEGTS)) {
      return 'mpegts';
    }
    throw error;
  }
}

const RETRY_MS = 2_000;
/** The list of all files is long: a new camera has time. */
const NAMES_MS = 60_000;
const FIRST_NAME_MS = 5_000;

type Recorded = readonly Span[] | 'mpegts';

/** Names of what has recordings, or for viewers and guests may have; undefined until the device has answered. */
export function useRecordedNames(): readonly string[] | undefined {
  const [listed, setListed] = useState<readonly string[]>();
  const asksList = canListRecordings.value;
  const everyMs = listed?.length === 0 ? FIRST_NAME_MS : NAMES_MS;
  useEffect(() => {
    const stop = new AbortController();
    if (asksList) {
      repeat(stop.signal, async () => setListed(await recordedNames(stop.signal)), everyMs);
    }
    return () => stop.abort();
  }, [asksList, everyMs]);
  return asksList ? listed : playableNames.value;
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
    if (isPageVisible.peek()) {
      // The strip above says when the device does not answer.
      await work().catch(() => {
        waitMs = RETRY_MS;
      });
    }
    await sleep(waitMs, stop);
  }
}
