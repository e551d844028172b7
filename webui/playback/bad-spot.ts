/** Played so far beyond where it failed it has moved on. */
export const MOVED_MS = 2_000;

/** From where it failed: first the same moment again, since a decoder may fail once, then behind one or more key frames. */
const LEAPS_MS = [0, 2_000, 8_000, 32_000] as const;

/** A moment that the box has and the browser does not play: where to try next, until it is not worth it any more. */
export class BadSpot {
  #fromMs = 0;
  /** Where it was tried last. */
  #toMs = 0;
  #tries = 0;

  /** @param canLeap false: it fails everywhere for the same reason. @returns where to try next; undefined: nowhere near */
  after(ms: number, canLeap: boolean): number | undefined {
    this.pass(ms);
    if (this.#tries === 0) {
      this.#fromMs = ms;
    }
    const leapMs = LEAPS_MS[this.#tries];
    if (leapMs === undefined) {
      return undefined;
    }
    this.#tries += 1;
    this.#toMs = this.#fromMs + (canLeap ? leapMs : 0);
    return this.#toMs;
  }

  /** That moment plays, or is at least another one: away from the spot it is forgotten. */
  pass(ms: number): void {
    if (ms < this.#fromMs - MOVED_MS || ms > this.#toMs + MOVED_MS) {
      this.#tries = 0;
    }
  }
}
