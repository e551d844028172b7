import type { Clock } from '../clock.ts';

/**
 * A wake-up costs as much CPU time as some thirty packets. Prime numbers of milliseconds, so that rounds
 * do not keep a fixed distance from the pictures of any frame rate: the least delay of some seconds, which times come from, stays near 0.
 */
const ROUNDS_MS = [97, 41];
/** The times of a stream settle within this: a burst at the start has ended, a wrong clock is usually found. */
const SETTLED_MS = 10_000;

interface LateReader {
  /** Reads what has arrived. */
  read(): void;
}

/** Wakes up once for the connections of all cameras whose samples may be late. */
export class ReadRounds {
  static readonly #byClock = new WeakMap<Clock, Map<number, ReadRounds>>();
  readonly #clock: Clock;
  readonly #roundMs: number;
  /** Connections that wait for the next round. One that is read between rounds and waits again is in it only once. */
  #waiting = new Set<LateReader>();
  /** Connections of the current round that were not read yet; empty between rounds. */
  #reading = new Set<LateReader>();
  #stop: (() => void) | undefined;

  /**
   * The longest rounds within `delayMs`, which all connections with this clock share, or undefined if it is too short for any.
   * @param playingMs since the start of the stream
   */
  static within(delayMs: number, playingMs: number, clock: Clock): ReadRounds | undefined {
    const roundMs = ROUNDS_MS.find((ms) => ms <= delayMs);
    if (roundMs === undefined || playingMs < SETTLED_MS) {
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
  wait(connection: LateReader): void {
    this.#waiting.add(connection);
    this.#stop ??= this.#clock.every(this.#roundMs, () => this.#round());
  }

  #round(): void {
    const reading = this.#waiting;
    if (reading.size === 0) {
      this.#stop?.();
      this.#stop = undefined;
      return;
    }
    this.#waiting = this.#reading;
    this.#reading = reading;
    let begun = 0;
    try {
      for (const connection of reading) {
        begun += 1;
        connection.read();
      }
    } finally {
      this.#keepAfter(begun);
      reading.clear();
    }
  }

  /** Keeps the connections after the first `begun` for the next round, when one of them has failed. */
  #keepAfter(begun: number): void {
    let i = 0;
    for (const connection of this.#reading) {
      i += 1;
      if (i > begun) {
        this.#waiting.add(connection);
      }
    }
  }
}
