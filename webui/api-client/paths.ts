import { signal } from '@preact/signals';
import { isPageVisible } from '../shell/page-state.ts';
import { retryNow, sleep } from '../shell/sleep.ts';
import type { ApiPath } from './api-types.ts';
import { PATHS_ADDRESS } from './early-answers.ts';
import { fetchJson, RequestError } from './request.ts';
import { noteAnswer } from './restart.ts';
import { access, checkSession, endUnlessLoggedIn, expiredUser, loadSession, session } from './session.ts';

/** A path as the API lists it. Times are RFC 3339. */
export type PathItem = Pick<
  ApiPath,
  | 'name'
  | 'title'
  | 'order'
  | 'paused'
  | 'pausedUntil'
  | 'privacy'
  | 'ready'
  | 'readyTime'
  | 'tracks'
  | 'tracks2'
  | 'hasBFrames'
  | 'leftOut'
  | 'bitrate'
  | 'sourceState'
  | 'sourceOnDemand'
  | 'offlineSince'
  | 'lastError'
  | 'lastErrorWhy'
  | 'lastErrorTime'
  | 'configError'
  | 'recording'
  | 'box'
  | 'mayRead'
  | 'mayPlayback'
  | 'mayTurn'
  | 'maySwitch'
>;

/** Undefined until the first response. */
export const paths = signal<readonly PathItem[] | undefined>(undefined);

/** Start of the outage in Unix milliseconds. */
export const unreachableSinceMs = signal<number | undefined>(undefined);

const POLL_MS = 2_000;

/** Polls `session` and `paths` while the page is visible. */
export async function pollPaths(stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    if (isPageVisible.peek()) {
      await askOnce();
    }
    await sleep(POLL_MS, stop);
  }
}

async function askOnce(): Promise<void> {
  try {
    if (session.peek() === undefined || access.peek() === 'refused') {
      await loadSession();
      if (session.peek()?.mayLook === false) {
        endUnlessLoggedIn();
        onRefusal();
        return;
      }
    }
    const { items } = await fetchJson<{ items: readonly PathItem[] }>(PATHS_ADDRESS);
    paths.value = items;
    access.value = 'granted';
    onAnswer();
  } catch (error) {
    await onFailure(error);
  }
}

function onAnswer(): void {
  const wasAway = unreachableSinceMs.peek() !== undefined;
  unreachableSinceMs.value = undefined;
  noteAnswer(wasAway);
  if (wasAway) {
    retryNow();
  }
}

async function onFailure(error: unknown): Promise<void> {
  const status = error instanceof RequestError ? error.status : 0;
  if (status === 401 || status === 403) {
    await checkSession().catch(() => {});
    onRefusal();
    return;
  }
  unreachableSinceMs.value ??= Date.now();
}

function onRefusal(): void {
  access.value = 'refused';
  if (expiredUser.peek() === undefined) {
    // The data belongs to the former user.
    paths.value = undefined;
  }
  onAnswer();
}
