/** So much per second, and some at once after a pause. */
export class Allowance {
  readonly #perMs: number;
  readonly #atOnce: number;
  #left: number;
  #filledMs = 0;

  constructor(perSecond: number, atOnce: number) {
    this.#perMs = perSecond / 1000;
    this.#atOnce = atOnce;
    this.#left = atOnce;
  }

  /** @returns whether one more is allowed */
  take(nowMs: number): boolean {
    this.#left = Math.min(this.#atOnce, this.#left + (nowMs - this.#filledMs) * this.#perMs);
    this.#filledMs = nowMs;
    if (this.#left < 1) {
      return false;
    }
    this.#left -= 1;
    return true;
  }
}
