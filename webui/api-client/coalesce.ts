import { sleep } from '../shell/sleep.ts';

/**
 * What is wanted while it is being done, or in the rest after it, is done once more behind that. A failure is not told:
 * the strip above says when the device does not answer.
 */
export function coalesce(work: () => Promise<void>, restMs: number, stop: AbortSignal): () => void {
  let isGoing = false;
  let isWanted = false;
  const run = async () => {
    isGoing = true;
    while (isWanted && !stop.aborted) {
      isWanted = false;
      await work().catch(() => {});
      await sleep(restMs, stop);
    }
    isGoing = false;
  };
  return () => {
    isWanted = true;
    if (!isGoing) {
      run();
    }
  };
}
