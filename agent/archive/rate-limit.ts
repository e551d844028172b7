import type { Clock } from '../base/clock.ts';

/** Limits bytes in a second; the next ones wait for the time that the former took too little. */
export class RateLimit {
  readonly #clock: Pick<Clock, 'monoMs' | 'sleep'>;
  readonly #bytesPerSecond: number;
  #freeAtMs = 0;

  /** @param bytesPerSecond 0: no limit */
  constructor(clock: Pick<Clock, 'monoMs' | 'sleep'>, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
  }

  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === 0) {
      return;
    }
    const waitMs = this.#freeAtMs - this.#clock.monoMs();
    if (waitMs > 0) {
      await this.#clock.sleep(waitMs, signal);
      signal.throwIfAborted();
    }
    this.#freeAtMs = Math.max(this.#freeAtMs, this.#clock.monoMs()) + (bytes * 1000) / this.#bytesPerSecond;
  }
}
