import { sleep } from '../shell/sleep.ts';

/**
 * Runs `work` at each call; a call during a run, or within `restMs` after it, schedules one further run. Failures are
 * ignored: the strip at the top of the page reports an unreachable box.
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
