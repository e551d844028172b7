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
}

export const systemClock: Clock = {
  monoMs: () => performance.now(),
  wallMs: () => Date.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};
