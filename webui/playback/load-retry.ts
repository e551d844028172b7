import { anySignal } from '../api-client/any-signal.ts';
import { UI_HEADER } from '../api-client/request.ts';
import { sleep } from '../shell/sleep.ts';
import { recordingsWords } from '../words/recordings.ts';
import { liveWords } from '../words/words.ts';

const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;
const ANSWER_LIMIT_MS = 15_000;

/** `gone`: it was deleted. `away`: it is tried again. `unplayable`: the device has it, and this browser cannot play it there. */
export type PlaybackFailure = 'gone' | 'away' | 'unplayable';

/** When to try again what a video element could not load, which tells nothing of why. */
export class LoadRetry {
  #waitMs = FIRST_WAIT_MS;
  #stop = new AbortController();

  /**
   * Asks the device why; `again` is called after a while, or as soon as trying at once is worth it.
   * @param isWorthIt hears the device's status, 0 when there is no answer, and says whether to try again
   */
  async after(address: string, isWorthIt: (status: number) => boolean, again: () => void): Promise<void> {
    this.cancel();
    const { signal } = this.#stop;
    const status = await statusOf(address, signal);
    if (signal.aborted || !isWorthIt(status)) {
      return;
    }
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(2 * waitMs, MAX_WAIT_MS);
    await sleep(waitMs, signal);
    if (!signal.aborted) {
      again();
    }
  }

  /** It plays, more than a picture: the next failure is a new one. */
  succeed(): void {
    this.#waitMs = FIRST_WAIT_MS;
  }

  /** Something else is wanted. */
  cancel(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
  }
}

/** @returns 0 when there is no answer */
async function statusOf(address: string, stop: AbortSignal): Promise<number> {
  try {
    const signal = anySignal(stop, AbortSignal.timeout(ANSWER_LIMIT_MS));
    const answer = await fetch(address, { headers: { ...UI_HEADER, Range: 'bytes=0-0' }, cache: 'no-store', signal });
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return 0;
  }
}

/** Why there is no picture of the moment, in a sentence. */
export function playbackFailureText(why: PlaybackFailure): string {
  const { recordingGone, recordingAway } = recordingsWords.value;
  return { gone: recordingGone, away: recordingAway, unplayable: liveWords.value.notPlayable }[why];
}
