import { signal } from '@preact/signals';
import { isPageVisible } from '../shell/page-state.ts';
import { retryNow, sleep } from '../shell/sleep.ts';
import { fetchJson, RequestError } from './request.ts';
import { noteAnswer } from './restart.ts';
import { access, checkSession, expiredUser, loadSession, session } from './session.ts';

/** One path of the device, as far as the page looks at it. Times are RFC 3339. */
export interface PathItem {
  readonly name: string;
  readonly title: string | null;
  /** Place in the owner's order; null: behind the others. */
  readonly order: number | null;
  readonly paused: boolean;
  readonly pausedUntil: string | null;
  readonly ready: boolean;
  readonly readyTime: string | null;
  /** Codec labels: `H264`, `H265`, `MPEG-4 Audio`, `Opus`, `G711`. */
  readonly tracks: readonly string[];
  readonly tracks2: readonly {
    readonly codec: string;
    readonly codecProps: Readonly<Record<string, unknown>> | null;
  }[];
  /** Its pictures come out of their order, or did when they came last; null: not known. WebRTC does not carry such. */
  readonly hasBFrames: boolean | null;
  /** Bits per second that come in. */
  readonly bitrate: number;
  readonly sourceState: 'running' | 'waiting' | 'stopped' | 'disabled' | null;
  /** Pulled only while somebody looks. */
  readonly sourceOnDemand: boolean;
  /** Null while there is a stream. */
  readonly offlineSince: string | null;
  readonly lastError: string | null;
  /** The device's word for it. */
  readonly lastErrorWhy: string | null;
  readonly lastErrorTime: string | null;
  readonly configError: string | null;
  readonly recording: {
    readonly active: boolean;
    readonly error: string | null;
    /** The device's word for the error. */
    readonly why: string | null;
    readonly since: string | null;
  } | null;
  /** Told to viewers and guests alone: everybody else may. */
  readonly mayRead?: boolean;
  readonly mayPlayback?: boolean;
}

/** Undefined until the device has answered for the first time. */
export const paths = signal<readonly PathItem[] | undefined>(undefined);

/** Since when the device has not answered, in Unix milliseconds. */
export const unreachableSinceMs = signal<number | undefined>(undefined);

const POLL_MS = 2_000;

/** Keeps `session` and `paths` fresh as long as somebody looks. */
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
    // What was shown belongs to the one who was logged in.
    paths.value = undefined;
  }
  onAnswer();
}
