import type { Clock } from '../base/clock.ts';

const DAY_MINUTES = 24 * 60;

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

/** Whether a local time lies in hours such as `22:00-06:00`. @param hours valid by the syntax `hours`; empty: always */
export function isWithin(hours: string, now: Date): boolean {
  if (hours === '') {
    return true;
  }
  const [from = 0, to = 0] = hours.split('-').map((text) => {
    const [hour = 0, minute = 0] = text.split(':').map(Number);
    return hour * 60 + minute;
  });
  const minute = now.getHours() * 60 + now.getMinutes();
  const passed = (at: number): number => (at - from + DAY_MINUTES) % DAY_MINUTES;
  return from === to || passed(minute) < passed(to);
}
