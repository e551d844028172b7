import type { Clock } from './clock.ts';

/** Sleeps for `ms` plus the growth of `heldMs` meanwhile: time spent waiting for a login turn does not count as delay. */
export async function sleepUnlessHeld(
  clock: Pick<Clock, 'sleep'>,
  ms: number,
  heldMs: () => number,
  signal: AbortSignal,
): Promise<void> {
  let leftMs = ms;
  while (leftMs > 0 && !signal.aborted) {
    const beforeMs = heldMs();
    await clock.sleep(leftMs, signal);
    leftMs = heldMs() - beforeMs;
  }
}
