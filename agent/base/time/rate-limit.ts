import type { Clock } from '../clock.ts';

/** Limits the bytes per second: `take` waits until the bytes taken before are within the limit. */
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
