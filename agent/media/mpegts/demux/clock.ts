const RANGE = 2 ** 33;

/** Unwraps the 33-bit times of a programme, all to one scale: each is taken to be within 13 hours of the one before. */
export class ProgramTicks {
  #last = Number.NaN;

  /** @param time 90 kHz, 33 bits */
  unwrap(time: number): number {
    if (!Number.isNaN(this.#last)) {
      this.#last += signedStep(this.#last, time);
    } else {
      this.#last = time;
    }
    return this.#last;
  }

  /** The last time of any stream; NaN: none yet. */
  get newest(): number {
    return this.#last;
  }

  restart(): void {
    this.#last = Number.NaN;
  }
}

/** From `before` to the nearest value that is `time` modulo 2^33. */
export function signedStep(before: number, time: number): number {
  const step = (((time - before) % RANGE) + RANGE) % RANGE;
  return step < RANGE / 2 ? step : step - RANGE;
}
