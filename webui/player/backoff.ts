const FIRST_MS = 2_000;
const MAX_MS = 10_000;

/** How long to wait before the next try: 2 s, then longer, at most 10 s. */
export class Backoff {
  #nextMs = FIRST_MS;

  take(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(MAX_MS, ms * 1.5);
    return ms;
  }

  /** A picture came. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
