import { sleep } from '../shell/sleep.ts';
import { RequestError } from './request.ts';

const FIRST_WAIT_MS = 1_000;

/** Whether a retry may succeed: the box is away, busy or has a fault, or the session has ended. */
export const isTransient = (error: unknown): boolean =>
  !(error instanceof RequestError) || [0, 401, 429].includes(error.status) || error.status >= 500;

/**
 * Retries with a delay, and as soon as a retry is worthwhile.
 *
 * @param onFailure called before each wait; throws for permanent failures
 * @returns undefined if stopped
 */
export async function retryUntilAnswered<T>(
  work: () => Promise<T>,
  stop: AbortSignal,
  onFailure: (error: unknown) => void = throwPermanent,
): Promise<T | undefined> {
  for (let waitMs = FIRST_WAIT_MS; !stop.aborted; waitMs = Math.min(2 * waitMs, 30_000)) {
    try {
      const answer = await work();
      return stop.aborted ? undefined : answer;
    } catch (error) {
      if (!stop.aborted) {
        onFailure(error);
      }
    }
    await sleep(waitMs, stop);
  }
  return undefined;
}

function throwPermanent(error: unknown): void {
  if (!isTransient(error)) {
    throw error;
  }
}
