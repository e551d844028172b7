import { sleep } from '../shell/sleep.ts';
import { RequestError } from './request.ts';

const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;

/** Whether the same question may be answered later: the device is away or busy, has a fault, or the session is over and is begun again. */
export const isTransient = (error: unknown): boolean =>
  !(error instanceof RequestError) || [0, 401, 429].includes(error.status) || error.status >= 500;

/**
 * Asks until there is an answer: again after a while, and whenever trying at once is worth it.
 *
 * @param onFailure hears why it has to wait; throws what no other try mends
 * @returns undefined: it was stopped, and nobody wants the answer
 */
export async function retryUntilAnswered<T>(
  work: () => Promise<T>,
  stop: AbortSignal,
  onFailure: (error: unknown) => void = throwLasting,
): Promise<T | undefined> {
  for (let waitMs = FIRST_WAIT_MS; !stop.aborted; waitMs = Math.min(2 * waitMs, MAX_WAIT_MS)) {
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

function throwLasting(error: unknown): void {
  if (!isTransient(error)) {
    throw error;
  }
}
