import type { Clock } from '../../../base/clock.ts';

/**
 * Each wake-up for one camera's packets costs as much as some thirty of them. Prime numbers of milliseconds, so that rounds
 * do not keep a fixed distance from the pictures of any frame rate: the least delay of some seconds, which times come from, stays near 0.
 */
const ROUNDS_MS = [97, 41];

interface Waiting {
  /** Reads what has arrived. */
  read(): void;
}

/** Wakes up once for the connections of all cameras whose samples may be late. */
export class ReadRounds {
  static readonly #byClock = new WeakMap<Clock, Map<number, ReadRounds>>();
  readonly #clock: Clock;
  readonly #roundMs: number;
  #waiting: Waiting[] = [];
  #stop: (() => void) | undefined;

  /** The longest rounds within `delayMs`, which all connections with this clock share; undefined: it is too short for any. */
  static within(delayMs: number, clock: Clock): ReadRounds | undefined {
    const roundMs = ROUNDS_MS.find((ms) => ms <= delayMs);
    if (roundMs === undefined) {
      return undefined;
    }
    const all = ReadRounds.#byClock.get(clock) ?? new Map<number, ReadRounds>();
    const known = all.get(roundMs) ?? new ReadRounds(clock, roundMs);
    ReadRounds.#byClock.set(clock, all.set(roundMs, known));
    return known;
  }

  private constructor(clock: Clock, roundMs: number) {
    this.#clock = clock;
    this.#roundMs = roundMs;
  }

  /** Calls `read` in the next round. */
  wait(connection: Waiting): void {
    this.#waiting.push(connection);
    this.#stop ??= this.#clock.every(this.#roundMs, () => this.#round());
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
