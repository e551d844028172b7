import type { Clock } from '../../../agent/base/clock.ts';

interface Sleeper {
  dueMs: number;
  readonly everyMs: number | undefined;
  readonly wake: () => void;
}

/** Time that moves only by `advance`. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #wallOffsetMs = Date.UTC(2026, 0, 1);
  #sleepers: Sleeper[] = [];

  monoMs = (): number => this.#nowMs;
  /** Share of the time in which the event loop is busy, 0 to 1; see `idleMs`. */
  busyShare = 0;
  #idleMs = 0;

  idleMs = (): number => this.#idleMs;
  wallMs = (): number => this.#wallOffsetMs + this.#nowMs;

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((wake) => {
      if (signal.aborted) {
        wake();
        return;
      }
      this.#sleepers.push({ dueMs: this.#nowMs + ms, everyMs: undefined, wake });
      signal.addEventListener('abort', () => wake(), { once: true });
    });
  }

  every(ms: number, tick: () => void): () => void {
    const sleeper: Sleeper = { dueMs: this.#nowMs + ms, everyMs: ms, wake: tick };
    this.#sleepers.push(sleeper);
    return () => {
      this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
    };
  }

  eachSecond(tick: () => void): () => void {
    return this.every(1_000, tick);
  }

  /** The number of sleepers. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  #moveTo(ms: number): void {
    this.#idleMs += (ms - this.#nowMs) * (1 - this.busyShare);
    this.#nowMs = ms;
  }

  /** The first of those that are due next. */
  #earliest(): Sleeper | undefined {
    let earliest: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      earliest = earliest && earliest.dueMs <= sleeper.dueMs ? earliest : sleeper;
    }
    return earliest;
  }

  /** Moves the wall clock without moving monotonic time, as NTP does. */
  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Moves `ms` ahead as if the machine had slept: due timers fire once, at the next `advance`. */
  skip(ms: number): void {
    this.#moveTo(this.#nowMs + ms);
    for (const sleeper of this.#sleepers) {
      sleeper.dueMs = Math.max(sleeper.dueMs, this.#nowMs);
    }
  }

  /** Moves days ahead, of which the code under test sees the last three hours second by second. */
  async advanceDays(days: number): Promise<void> {
    const lastMs = 3 * 3_600_000;
    this.skip(days * 86_400_000 - lastMs);
    await this.advance(lastMs);
  }

  /** Moves `ms` ahead and wakes every due sleeper, in order; code under test runs up to its next sleep before and after. */
  async advance(ms: number): Promise<void> {
    await settle();
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#earliest();
      if (!next || next.dueMs > endMs) {
        break;
      }
      this.#moveTo(Math.max(this.#nowMs, next.dueMs));
      if (next.everyMs === undefined) {
        this.#sleepers = this.#sleepers.filter((s) => s !== next);
      } else {
        next.dueMs += next.everyMs;
      }
      next.wake();
      await settle();
    }
    this.#moveTo(endMs);
    await settle();
  }
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
