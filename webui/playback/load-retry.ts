import { anySignal } from '../api-client/any-signal.ts';
import { UI_HEADER } from '../api-client/request.ts';
import { sleep } from '../shell/sleep.ts';
import { recordingsWords } from '../words/recordings.ts';
import { liveWords } from '../words/words.ts';

const FIRST_WAIT_MS = 1_000;

/** `gone`: deleted. `away`: will be retried. `unplayable`: the browser cannot play it. */
export type PlaybackFailure = 'gone' | 'away' | 'unplayable';

/** When to retry a load that failed: a video element does not report the HTTP status. */
export class LoadRetry {
  #waitMs = FIRST_WAIT_MS;
  #stop = new AbortController();

  /**
   * Asks the box for the reason; calls `again` after a delay, or as soon as a retry is worthwhile.
   * @param isWorthIt decides by the HTTP status, 0 without a response
   */
  async after(address: string, isWorthIt: (status: number) => boolean, again: () => void): Promise<void> {
    this.cancel();
    const { signal } = this.#stop;
    const status = await statusOf(address, signal);
    if (signal.aborted || !isWorthIt(status)) {
      return;
    }
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(2 * waitMs, 30_000);
    await sleep(waitMs, signal);
    if (!signal.aborted) {
      again();
    }
  }

  /** Playback has made progress: the next failure starts over. */
  succeed(): void {
    this.#waitMs = FIRST_WAIT_MS;
  }

  /** Cancels a pending retry, because another file is wanted. */
  cancel(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
  }
}

/** @returns 0 without a response */
async function statusOf(address: string, stop: AbortSignal): Promise<number> {
  try {
    const signal = anySignal(stop, AbortSignal.timeout(15_000));
    const answer = await fetch(address, { headers: { ...UI_HEADER, Range: 'bytes=0-0' }, cache: 'no-store', signal });
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return 0;
  }
}

/** Why there is no picture. */
export function playbackFailureText(why: PlaybackFailure): string {
  const { recordingGone, recordingAway } = recordingsWords.value;
  return { gone: recordingGone, away: recordingAway, unplayable: liveWords.value.notPlayable }[why];
}
