import { setTimeout as delay } from 'node:timers/promises';

/** The only place where time enters the program. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start: for durations and deadlines. */
  monoMs(): number;
  /** Unix milliseconds: for names, logs and recordings. May jump. */
  wallMs(): number;
  /** Resolves after `ms`, or as soon as `signal` aborts. Never rejects: callers look at the signal. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `tick` every `ms` until the returned function is called; the first time up to a second late. Never keeps the process alive. */
  every(ms: number, tick: () => void): () => void;
}

const BEAT_MS = 1_000;

/**
 * A dozen parts look after something once a second, and more with each camera. They do it together: to a small computer that is idle
 * otherwise, waking up costs more than what is then done.
 */
class Beat {
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

const beat = new Beat();

export const systemClock: Clock = {
  monoMs: () => performance.now(),
  wallMs: () => Date.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
  every: (ms, tick) => {
    if (ms === BEAT_MS) {
      return beat.join(tick);
    }
    const timer = setInterval(tick, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};
