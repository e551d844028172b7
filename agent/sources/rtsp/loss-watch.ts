const WINDOW_MS = 10_000;
/** Share of lost packets above which UDP is given up, if TCP is left to try. */
const MAX_LOSS = 0.005;
/** Fewer lost packets say nothing about the link. */
const MIN_LOST = 5;

/** Packet loss of a session in the last ten seconds. */
export class LossWatch {
  readonly #ticks: { readonly atMs: number; readonly packets: number; readonly lost: number }[] = [];

  /**
   * Called at intervals with the counts since the start of the session.
   * @returns the lost share, 0 to 1, if it exceeds the limit over ten seconds
   */
  tick(nowMs: number, packets: number, lost: number): number | undefined {
    const ticks = this.#ticks;
    ticks.push({ atMs: nowMs, packets, lost });
    while (ticks[1] && nowMs - ticks[1].atMs >= WINDOW_MS) {
      ticks.shift();
    }
    const first = ticks[0];
    if (!first || nowMs - first.atMs < WINDOW_MS) {
      return undefined;
    }
    const lately = lost - first.lost;
    const share = lately / (packets - first.packets + lately);
    return lately >= MIN_LOST && share > MAX_LOSS ? share : undefined;
  }
}
