import { computed } from '@preact/signals';
import { spansAddress } from './urls.ts';
import { paths } from './paths.ts';
import { ask, BoxError } from './request.ts';
import { isOwner, session } from './session.ts';

/** A time of recording without a gap. */
export interface Span {
  /** As the box wrote it, RFC 3339: exact to the microsecond, so that playing begins at the first picture. */
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
export const isListShown = computed(() => !['viewer', 'guest'].includes(session.value?.role ?? ''));

/** What viewers and guests may play back, with recordings or without; undefined until the box has answered. */
export const namesToPlay = computed(() =>
  paths.value?.flatMap(({ name, mayPlayback }) => (mayPlayback === false ? [] : [name])),
);

/** Names of the paths that have recordings. */
export async function recordedNames(signal: AbortSignal): Promise<readonly string[]> {
  const answer = await ask<{ items: readonly { readonly name: string }[] }>('v3/recordings/list?itemsPerPage=1000', {
    signal,
    limitMs: LIST_LIMIT_MS,
  });
  return answer.items.map(({ name }) => name);
}

/** How the box's sentence begins when a camera's recordings are MPEG-TS; other reasons have the same status. */
const MPEGTS = 'MPEG-TS format';

/** Oldest first, empty when nothing was recorded; or that it was recorded in a way that the box does not play. */
export async function recordedSpans(name: string, signal: AbortSignal): Promise<readonly Span[] | 'mpegts'> {
  try {
    const entries = await ask<readonly { readonly start: string; readonly duration: number }[]>(spansAddress(name), {
      signal,
      limitMs: LIST_LIMIT_MS,
    });
    return entries.map(({ start, duration }) => ({
      start,
      startMs: Date.parse(start),
      endMs: Date.parse(start) + duration * 1000,
    }));
  } catch (error) {
    if (error instanceof BoxError && error.status === 404) {
      return [];
    }
    if (error instanceof BoxError && error.status === 400 && error.message.startsWith(MPEGTS)) {
      return 'mpegts';
    }
    throw error;
  }
}
