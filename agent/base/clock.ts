import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** The only place where time enters the program. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start: for durations and deadlines. */
  monoMs(): number;
  /** Unix milliseconds: for names, logs and recordings. May jump. */
  wallMs(): number;
  /**
   * Milliseconds of `monoMs` in which the event loop was idle. A delay measured with it leaves out the time in which
   * this process got no processor, so it is that of the disk or the peer.
   */
  idleMs(): number;
  /** Resolves after `ms`, or when `signal` aborts. Never rejects: callers check the signal. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `tick` every `ms` until the returned function is called. Never keeps the process alive. */
  every(ms: number, tick: () => void): () => void;
  /** Like `every` with one second, on a timer shared by all callers: the first call comes after one to two seconds. */
  eachSecond(tick: () => void): () => void;
}

const TICK_MS = 1_000;

/** One timer for all checks of once a second: on an idle small computer a wake-up costs more than the checks. */
class Ticker {
  readonly #members = new Set<{ readonly tick: () => void; isNew: boolean }>();
  #timer: NodeJS.Timeout | undefined;

  join(tick: () => void): () => void {
    const member = { tick, isNew: true };
    this.#members.add(member);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
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
      // A member that was just added has not waited a second yet.
      member.isNew = false;
    }
  }
}

const ticker = new Ticker();

export const systemClock: Clock = {
  monoMs: () => performance.now(),
  wallMs: () => Date.now(),
  idleMs: () => performance.eventLoopUtilization().idle,
  sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
  eachSecond: (tick) => ticker.join(tick),
};

/** Sleeps for `ms` plus the growth of `heldMs` meanwhile: time spent waiting for a login turn does not count as delay. */
export async function sleepUnlessHeld(
  clock: Pick<Clock, 'sleep'>,
  ms: number,
  heldMs: () => number,
  signal: AbortSignal,
): Promise<void> {
  let leftMs = ms;
  while (leftMs > 0 && !signal.aborted) {
    const beforeMs = heldMs();
    await clock.sleep(leftMs, signal);
    leftMs = heldMs() - beforeMs;
  }
}

/** Waits for `work`, but no longer than `ms`, which may be negative. @returns false after a timeout */
export async function endsWithin(clock: Pick<Clock, 'sleep'>, ms: number, work: Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  const late = clock.sleep(Math.max(0, ms), over.signal).then(() => false);
  return Promise.race([work.then(() => true), late]).finally(() => over.abort());
}
