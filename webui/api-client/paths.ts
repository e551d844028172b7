import { signal } from '@preact/signals';
import { pause, wake } from '../shell/sleep.ts';
import { ask, BoxError } from './request.ts';
import { noteAnswer } from './restart.ts';
import { access, endedUser, loadSession, noteRefusal, session } from './session.ts';
import { pageShown } from '../shell/page-state.ts';

/** One path of the box, as far as the page looks at it. Times are RFC 3339. */
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
  /** The box's word for it. */
  readonly lastErrorWhy: string | null;
  readonly lastErrorTime: string | null;
  readonly configError: string | null;
  readonly recording: {
    readonly active: boolean;
    readonly error: string | null;
    /** The box's word for the error. */
    readonly why: string | null;
    readonly since: string | null;
  } | null;
  /** Told to viewers and guests alone: everybody else may. */
  readonly mayRead?: boolean;
  readonly mayPlayback?: boolean;
}

/** Undefined until the box has answered for the first time. */
export const paths = signal<readonly PathItem[] | undefined>(undefined);

/** Since when the box has not answered, in Unix milliseconds. */
export const awaySinceMs = signal<number | undefined>(undefined);

const POLL_MS = 2_000;

/** Keeps `session` and `paths` fresh as long as somebody looks. */
export async function keepAsking(stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    if (pageShown.peek()) {
      await askOnce();
    }
    await pause(POLL_MS, stop);
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
    const { items } = await ask<{ items: readonly PathItem[] }>('v3/paths/list?itemsPerPage=1000');
    paths.value = items;
    access.value = 'granted';
    onAnswer();
  } catch (error) {
    await onFailure(error);
  }
}

function onAnswer(): void {
  const wasAway = awaySinceMs.peek() !== undefined;
  awaySinceMs.value = undefined;
  noteAnswer(wasAway);
  if (wasAway) {
    wake();
  }
}

async function onFailure(error: unknown): Promise<void> {
  const status = error instanceof BoxError ? error.status : 0;
  if (status === 401 || status === 403) {
    await onRefusal();
    return;
  }
  awaySinceMs.value ??= Date.now();
}

async function onRefusal(): Promise<void> {
  await noteRefusal().catch(() => {});
  access.value = 'refused';
  if (endedUser.peek() === undefined) {
    // What was shown belongs to the one who was logged in.
    paths.value = undefined;
  }
  onAnswer();
}
