import type { Clock } from './clock.ts';

/** Sleeps for `ms`, and for as long as `heldMs` has grown meanwhile: who waits for somebody else's answer is not late. */
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
