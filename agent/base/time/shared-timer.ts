import type { Clock } from '../clock.ts';

type Repeats = Pick<Clock, 'every'>;

class SharedTimer {
  readonly #clock: Repeats;
  readonly #periodMs: number;
  readonly #members = new Set<() => void>();
  #stop: (() => void) | undefined;

  constructor(clock: Repeats, periodMs: number) {
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  join(tick: () => void): () => void {
    this.#members.add(tick);
    this.#stop ??= this.#clock.every(this.#periodMs, () => this.#tick());
    return () => {
      this.#members.delete(tick);
      if (this.#members.size === 0) {
        this.#stop?.();
        this.#stop = undefined;
      }
    };
  }

  #tick(): void {
    for (const tick of this.#members) {
      tick();
    }
  }
}

const timers = new WeakMap<Repeats, Map<number, SharedTimer>>();

/**
 * Like `Clock.every`, on one timer for all callers with this clock and period: sixteen cameras wake the processor as often as one.
 * The first call comes within the period. Each `tick` is a function of its own.
 */
export function everyTogether(clock: Repeats, periodMs: number, tick: () => void): () => void {
  const byPeriod = timers.get(clock) ?? new Map<number, SharedTimer>();
  const timer = byPeriod.get(periodMs) ?? new SharedTimer(clock, periodMs);
  timers.set(clock, byPeriod.set(periodMs, timer));
  return timer.join(tick);
}
