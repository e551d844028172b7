import { signal } from '@preact/signals';
import { isPageVisible } from '../shell/page-state.ts';
import { retryNow, sleep } from '../shell/sleep.ts';
import { fetchJson, RequestError } from './request.ts';
import { noteAnswer } from './restart.ts';
import { access, checkSession, expiredUser, loadSession, session } from './session.ts';

/** A path as the API lists it. Times are RFC 3339. */
export interface PathItem {
  readonly name: string;
  readonly title: string | null;
  /** Place in the owner's order; null: after the others. */
  readonly order: number | null;
  readonly paused: boolean;
  readonly pausedUntil: string | null;
  /** Private in the present mode. */
  readonly privacy: boolean;
  readonly ready: boolean;
  readonly readyTime: string | null;
  /** Codec labels: `H264`, `H265`, `MPEG-4 Audio`, `Opus`, `G711`. */
  readonly tracks: readonly string[];
  readonly tracks2: readonly {
    readonly codec: string;
    readonly codecProps: Readonly<Record<string, unknown>> | null;
  }[];
  /** The stream has B-frames, or had them last; null: unknown. WebRTC does not carry them. */
  readonly hasBFrames: boolean | null;
  /** Inbound bits per second. */
  readonly bitrate: number;
  readonly sourceState: 'running' | 'waiting' | 'stopped' | 'disabled' | null;
  readonly sourceOnDemand: boolean;
  /** Null while the stream is ready. */
  readonly offlineSince: string | null;
  readonly lastError: string | null;
  /** Error code of `lastError`. */
  readonly lastErrorWhy: string | null;
  readonly lastErrorTime: string | null;
  readonly configError: string | null;
  readonly recording: {
    readonly active: boolean;
    readonly error: string | null;
    /** Code of the error. */
    readonly why: string | null;
    readonly since: string | null;
  } | null;
  /** The box whose camera it is; `awaySince` is null while that answers. Null: a camera of this one. */
  readonly box: { readonly id: string; readonly name: string; readonly awaySince: string | null } | null;
  /** Only for viewers and guests; absent means permitted. */
  readonly mayRead?: boolean;
  readonly mayPlayback?: boolean;
  readonly mayTurn?: boolean;
}

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
        await onRefusal();
        return;
      }
    }
    const { items } = await fetchJson<{ items: readonly PathItem[] }>('v3/paths/list?itemsPerPage=1000');
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
    await onRefusal();
    return;
  }
  unreachableSinceMs.value ??= Date.now();
}

async function onRefusal(): Promise<void> {
  await checkSession().catch(() => {});
  access.value = 'refused';
  if (expiredUser.peek() === undefined) {
    // The data belongs to the former user.
    paths.value = undefined;
  }
  onAnswer();
}
