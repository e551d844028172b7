import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';

/** Shares of the time that the event loop is busy. */
const OVERLOADED = 0.98;
const RELIEVED = 0.75;
/** Seconds of it until work is spared. */
const AFTER = 10;
/** Seconds of relief until all pictures are sent again: more after each vain attempt. */
const MIN_RELIEF = 10;
const MAX_RELIEF = 300;
/** An overload that comes back this soon shows that the attempt was vain. */
const SOON_MS = 60_000;

/**
 * Whether the processor is overloaded, as on a board that has become hot. Recordings come first then: viewers get key
 * frames only.
 */
export class Overload {
  isOn = false;
  readonly #clock: Pick<Clock, 'monoMs' | 'idleMs'>;
  readonly #log: Pick<Logger, 'warn' | 'info'>;
  #last: readonly [monoMs: number, idleMs: number];
  /** In a row: of overload, while it is on of relief. */
  #seconds = 0;
  #reliefSeconds = MIN_RELIEF;
  #endedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monoMs' | 'idleMs'>, log: Pick<Logger, 'warn' | 'info'>) {
    this.#clock = clock;
    this.#log = log;
    this.#last = [clock.monoMs(), clock.idleMs()];
  }

  /** Called once a second. */
  tick(): void {
    const [now, before] = [[this.#clock.monoMs(), this.#clock.idleMs()] as const, this.#last];
    this.#last = now;
    const busyShare = 1 - (now[1] - before[1]) / Math.max(1, now[0] - before[0]);
    this.#seconds = (this.isOn ? busyShare < RELIEVED : busyShare >= OVERLOADED) ? this.#seconds + 1 : 0;
    if (this.#seconds >= (this.isOn ? this.#reliefSeconds : AFTER)) {
      this.#change(now[0]);
    }
  }

  #change(nowMs: number): void {
    this.isOn = !this.isOn;
    this.#seconds = 0;
    if (!this.isOn) {
      this.#endedMs = nowMs;
      this.#log.info({}, 'the processor is no longer overloaded: viewers get all pictures');
      return;
    }
    const isVain = nowMs - this.#endedMs < SOON_MS;
    this.#reliefSeconds = isVain ? Math.min(MAX_RELIEF, this.#reliefSeconds * 2) : MIN_RELIEF;
    this.#log.warn({}, 'the processor is overloaded: viewers get key frames only');
  }
}
