import { setTimeout as delay } from 'node:timers/promises';

/** The only place where time enters the program. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start: for durations and deadlines. */
  monoMs(): number;
  /** Unix milliseconds: for names, logs and recordings. May jump. */
  wallMs(): number;
  /** Resolves after `ms`, or as soon as `signal` aborts. Never rejects: callers look at the signal. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `tick` every `ms` until the returned function is called. Never keeps the process alive. */
  every(ms: number, tick: () => void): () => void;
  /** The same each second, together with all others who ask for it: the first time after one to two seconds. */
  eachSecond(tick: () => void): () => void;
}

const BEAT_MS = 1_000;

/**
 * A dozen parts look after something once a second. They do it together: to a small computer that is idle otherwise, waking up costs more
 * than what is then done.
 */
class Ticker {
  readonly #members = new Set<{ readonly tick: () => void; isNew: boolean }>();
  #timer: NodeJS.Timeout | undefined;

  join(tick: () => void): () => void {
    const member = { tick, isNew: true };
    this.#members.add(member);
    this.#timer ??= setInterval(() => this.#tick(), BEAT_MS).unref();
    return () => {
      this.#members.delete(member);
      if (this.#members.size === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    };
  }

  #tick(): void {
    for (const member of this.#members) {
      if (!member.isNew) {
        member.tick();
      }
      // Who came since the last beat has not waited for a second yet.
      member.isNew = false;
    }
  }
}

const beat = new Ticker();

export const systemClock: Clock = {
  monoMs: () => performance.now(),
  wallMs: () => Date.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
  eachSecond: (tick) => beat.join(tick),
};
