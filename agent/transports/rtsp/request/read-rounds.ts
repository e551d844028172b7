import type { Clock } from '../../../base/clock.ts';

/**
 * Each wake-up for one camera's packets costs as much as some thirty of them. A prime number of milliseconds, so that rounds
 * do not keep a fixed distance from the pictures of any frame rate: the least delay of some seconds, which times come from, stays near 0.
 */
const ROUND_MS = 97;

interface Waiting {
  /** Reads what has arrived. */
  read(): void;
}

/** Wakes up once for the connections of all cameras whose samples may be late. */
export class ReadRounds {
  static readonly #byClock = new WeakMap<Clock, ReadRounds>();
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #stop: (() => void) | undefined;

  /** The rounds that all connections with this clock share. */
  static of(clock: Clock): ReadRounds {
    const known = ReadRounds.#byClock.get(clock) ?? new ReadRounds(clock);
    ReadRounds.#byClock.set(clock, known);
    return known;
  }

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `read` in the next round. */
  wait(connection: Waiting): void {
    this.#waiting.push(connection);
    this.#stop ??= this.#clock.every(ROUND_MS, () => this.#round());
  }

  #round(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) {
      this.#stop?.();
      this.#stop = undefined;
      return;
    }
    this.#waiting = [];
    for (let i = 0; i < waiting.length; i += 1) {
      waiting[i]?.read();
    }
  }
}
