import { sleep } from '../shell/sleep.ts';

/**
 * A call during a run, or during the rest after it, schedules another run. Failures are ignored: the strip reports an
 * unreachable box.
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
