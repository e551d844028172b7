const WINDOW_MS = 10_000;
/** Above this share of the packets of ten seconds UDP is given up where TCP is left to try. */
const MAX_LOSS = 0.005;
/** A few packets are no share of anything. */
const MIN_LOST = 5;

/** The loss of a session's packets in the last ten seconds. */
export class LossWatch {
  readonly #ticks: { readonly atMs: number; readonly packets: number; readonly lost: number }[] = [];

  /**
   * Called now and then with the counts since the session began.
   * @returns the share that was lost, 0 to 1, where ten seconds show that it is too much
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
