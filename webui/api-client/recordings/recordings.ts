import { computed, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { isPageVisible } from '../../shell/page-state.ts';
import { sleep } from '../../shell/sleep.ts';
import { paths } from '../paths.ts';
import { fetchJson, RequestError } from '../request.ts';
import { isOwner, session } from '../session.ts';
import { spansAddress } from '../urls.ts';

/** A recorded range without a gap. */
export interface Span {
  /** RFC 3339 with microseconds as reported, so that playback starts at the first frame. */
  readonly start: string;
  /** Unix milliseconds, rounded down. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Whether the recordings and events of a camera are visible to the user. */
export const mayPlayBack = (name: string): boolean =>
  isOwner.value || paths.value?.find((path) => path.name === name)?.mayPlayback === true;

const MAX_LIST_MS = 60_000;

/** Only the owner may list recordings. */
export const canListRecordings = computed(() => !['viewer', 'guest'].includes(session.value?.role ?? ''));

/** Paths that viewers and guests may play back, with or without recordings; undefined until the first response. */
export const playableNames = computed(() =>
  paths.value?.flatMap(({ name, mayPlayback }) => (mayPlayback === false ? [] : [name])),
);

/** Paths with recordings. */
async function recordedNames(signal: AbortSignal): Promise<readonly string[]> {
  const answer = await fetchJson<{ items: readonly { readonly name: string }[] }>(
    'v3/recordings/list?itemsPerPage=1000',
    {
      signal,
      limitMs: MAX_LIST_MS,
    },
  );
  return answer.items.map(({ name }) => name);
}

/** Oldest first. Empty without recordings. */
async function recordedSpans(name: string, signal: AbortSignal): Promise<readonly Span[]> {
  try {
    const entries = await fetchJson<readonly { readonly start: string; readonly duration: number }[]>(
      spansAddress(name),
      {
        signal,
        limitMs: MAX_LIST_MS,
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
    throw error;
  }
}

const RETRY_MS = 2_000;
/** The list of all paths is long, so it is polled rarely. */
const NAMES_MS = 60_000;
const FIRST_NAME_MS = 5_000;

/** Paths with recordings, for viewers and guests those that may have some; undefined until the first response. */
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

/** A time of a camera, Unix milliseconds. */
export interface CameraRange {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** What was deleted last on this page. */
export const lastDeleted = signal<CameraRange | undefined>(undefined);

const changes = signal(0);

/** Call after recordings were deleted or restored: they are requested again. */
export function refreshRecordings(): void {
  changes.value += 1;
}

/** Recorded ranges of a camera, polled while recording continues. */
export function useSpans(name: string | undefined, everyMs: number): readonly Span[] | undefined {
  const [known, setKnown] = useState<{ name: string; spans: readonly Span[] }>();
  useEffect(() => {
    const stop = new AbortController();
    if (name !== undefined) {
      const ask = async () => setKnown({ name, spans: await recordedSpans(name, stop.signal) });
      repeat(
        stop.signal,
        () => ask().catch(unlessBoxAway(() => setKnown((last) => (last?.name === name ? last : { name, spans: [] })))),
        everyMs,
      );
    }
    return () => stop.abort();
  }, [name, everyMs, changes.value]);
  return known?.name === name ? known?.spans : undefined;
}

/** All recordings of the camera lie on a box that does not answer: there is nothing to wait for. Asked again soon. */
const unlessBoxAway =
  (show: () => void) =>
  (error: unknown): never => {
    if (error instanceof RequestError && (error.why === 'boxAway' || error.why === 'boxFault')) {
      show();
    }
    throw error;
  };

/** Repeats while the page is visible, sooner after a failure. */
async function repeat(stop: AbortSignal, work: () => Promise<void>, everyMs: number): Promise<void> {
  while (!stop.aborted) {
    let waitMs = everyMs;
    if (isPageVisible.peek()) {
      await work().catch(() => {
        waitMs = RETRY_MS;
      });
    }
    await sleep(waitMs, stop);
  }
}
