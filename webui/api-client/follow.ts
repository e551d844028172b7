import { sleep } from '../shell/sleep.ts';
import { RequestError } from './request.ts';

/** For this long a box that is away may come back, after a restart for one. */
const MAX_AWAY_MS = 5 * 60_000;
/** Part of the time so far. */
const PAUSE = 0.1;

/**
 * Asks for the state of a work of the box until `take` says that it has ended; the pauses become longer.
 *
 * @returns undefined if stopped, or if the work does not end
 * @throws RequestError also if the box is away for too long
 */
export async function follow<T>(
  ask: () => Promise<T>,
  take: (answer: T) => boolean,
  stop?: AbortSignal,
): Promise<T | undefined> {
  const startMs = Date.now();
  let failures = 0;
  let failedMs = 0;
  // An hour, without the time that the browser sleeps. The box ends its work long before.
  for (let asks = 0; asks < 400; asks += 1) {
    try {
      const answer = await ask();
      if (take(answer)) {
        return answer;
      }
      failures = 0;
    } catch (error) {
      failedMs = failures === 0 ? Date.now() : failedMs;
      failures += 1;
      // The first requests after a sleep fail: there is no network yet.
      const isAway = failures >= 10 && Date.now() - failedMs > MAX_AWAY_MS;
      if (!(error instanceof RequestError) || error.status !== 0 || isAway) {
        throw error;
      }
    }
    await sleep(Math.min(Math.max(PAUSE * (Date.now() - startMs), 500), 10_000), stop);
    if (stop?.aborted) {
      return undefined;
    }
  }
  return undefined;
}
