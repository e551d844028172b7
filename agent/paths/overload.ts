import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { PICTURES, type Pictures } from '../stream/stream.ts';

/** Shares of the time that the event loop is busy. */
const OVERLOADED = 0.98;
const RELIEVED = 0.75;
/** Time of overload until viewers get less. Cameras hold back, or drop, what is not read for longer. */
const AFTER_MS = 3_000;
/** Time of relief until viewers get more again. It doubles after each failed attempt. */
const MIN_RELIEF_MS = 10_000;
/** If the overload comes back within this time, the attempt to give viewers more has failed. */
const SOON_MS = 60_000;

/**
 * Whether the processor is overloaded, as on a board that has become hot. Recordings come first then: viewers get key
 * frames only and, if that is not enough, no pictures.
 */
export class Overload {
  pictures: Pictures = PICTURES.all;
  readonly #clock: Pick<Clock, 'monoMs' | 'idleMs'>;
  readonly #log: Pick<Logger, 'warn' | 'info'>;
  #last: readonly [monoMs: number, idleMs: number];
  #busyMs = 0;
  #calmMs = 0;
  #reliefMs = MIN_RELIEF_MS;
  #relievedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monoMs' | 'idleMs'>, log: Pick<Logger, 'warn' | 'info'>) {
    this.#clock = clock;
    this.#log = log;
    this.#last = [clock.monoMs(), clock.idleMs()];
  }

  /** Called once a second, or as often as an overloaded processor can. @param isRecording something is recorded that viewers could harm */
  tick(isRecording: boolean): void {
    const [now, before] = [[this.#clock.monoMs(), this.#clock.idleMs()] as const, this.#last];
    this.#last = now;
    const passedMs = Math.max(1, now[0] - before[0]);
    const busyShare = 1 - (now[1] - before[1]) / passedMs;
    const { all, keyFrames, none } = PICTURES;
    // Without any picture the work that is left is that of the recordings, however much it is.
    const isCalm = busyShare < (this.pictures === none ? OVERLOADED : RELIEVED);
    this.#busyMs = busyShare >= OVERLOADED ? this.#busyMs + passedMs : 0;
    this.#calmMs = isCalm ? this.#calmMs + passedMs : 0;
    if (this.pictures !== all && (this.#calmMs >= this.#reliefMs || (this.pictures === none && !isRecording))) {
      this.#relievedMs = now[0];
      this.#change(this.pictures === none ? keyFrames : all);
    } else if (this.#busyMs >= AFTER_MS && this.pictures < (isRecording ? none : keyFrames)) {
      const isVain = now[0] - this.#relievedMs < SOON_MS;
      this.#reliefMs = isVain ? Math.min(300_000, this.#reliefMs * 2) : MIN_RELIEF_MS;
      this.#change(this.pictures === all ? keyFrames : none);
    }
  }

  #change(pictures: Pictures): void {
    this.pictures = pictures;
    this.#busyMs = 0;
    this.#calmMs = 0;
    if (pictures === PICTURES.all) {
      this.#log.info({}, 'the processor is no longer overloaded: viewers get all pictures');
    } else {
      const what = pictures === PICTURES.none ? 'no pictures, so that recordings are whole' : 'key frames only';
      this.#log.warn({}, `the processor is overloaded: viewers get ${what}`);
    }
  }
}
