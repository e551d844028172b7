import type { SteadyInterval } from './picture-intervals.ts';

/** Tolerated jitter of parts before one of them has to lose a sample. */
const SPARE = 1.08;

/**
 * The part target duration (RFC 8216bis §4.4.3.7) in whole milliseconds: the number of samples nearest to the wanted
 * duration.
 */
export function partTargetMs(sampleMs: number, wantedMs: number): number {
  const samples = Math.max(1, Math.round(wantedMs / sampleMs));
  // The small subtraction keeps a floating-point error from adding a millisecond.
  return Math.ceil(samples * sampleMs * SPARE - 1e-6);
}

/** All parts but independent ones and the last of a segment reach this share of the target (§4.4.4.9). */
export const FULL_PART = 0.85;
/** Tolerated difference from the wanted duration, as a share of it: a target that keeps changing is worse. */
const OFF = 0.15;

/**
 * The duration of parts and the announced target. Cameras send fewer frames in the dark, so the target has to change,
 * against RFC 8216bis. An announced change does the least harm: Apple's players reject parts beyond the target, short
 * ones cause needless requests, and a discontinuity would empty every player's buffer. Listed parts stay listed: without
 * them hls.js falls back to whole segments and stalls. So the playlist announces the largest target of any listed part.
 */
export class PartTarget {
  readonly #wantedMs: number;
  #ms = 0;
  /** Target of the current segment; above `#ms` if a single sample was longer. */
  #runningMs = 0;
  #holdBackMs = 0;
  /** Targets of segments whose parts are or were just listed, oldest first. */
  #ended: { readonly number: number; readonly ms: number }[] = [];

  constructor(wantedMs: number) {
    this.#wantedMs = wantedMs;
  }

  /** Target for new parts; 0: not fixed yet. */
  get ms(): number {
    return this.#ms;
  }

  fix(sampleMs: number): void {
    this.#ms = partTargetMs(sampleMs, this.#wantedMs);
    this.#runningMs = Math.max(this.#runningMs, this.#ms);
  }

  /**
   * A part was made. A single sample cannot be shortened: the announced target rises to fit such samples, in case more
   * follow.
   */
  made(partMs: number): void {
    if (partMs > this.#runningMs) {
      this.#runningMs = Math.max(Math.ceil(partMs), partTargetMs(partMs, this.#wantedMs));
    }
  }

  /** @param firstPartedNumber number of the first segment listed with parts */
  segmentEnded(number: number, firstPartedNumber: number): void {
    this.#ended = [...this.#ended, { number, ms: this.#runningMs }].filter((one) => one.number >= firstPartedNumber);
    this.#runningMs = this.#ms;
  }

  /** Called between segments: adapts to a changed frame rate that the target does not fit. */
  refit({ typicalTicks, meanTicks }: SteadyInterval, clockRateHz: number): void {
    const typicalMs = (typicalTicks * 1000) / clockRateHz;
    if (!this.#fits(typicalMs) && !this.#fits((meanTicks * 1000) / clockRateHz)) {
      this.#ms = partTargetMs(typicalMs, this.#wantedMs);
      this.#runningMs = this.#ms;
    }
  }

  /** Target for the playlist: at least the duration of every listed part. */
  get announcedMs(): number {
    return Math.max(this.#runningMs, ...this.#ended.map(({ ms }) => ms));
  }

  /** PART-HOLD-BACK, from now on: 2 targets at least, 3 at best (§4.4.3.8). Apple's players may end at a change. */
  nextHoldBackMs(): number {
    const inTargets = this.#holdBackMs / this.announcedMs;
    this.#holdBackMs = inTargets >= 2 && inTargets <= 6 ? this.#holdBackMs : 3 * this.announcedMs;
    return this.#holdBackMs;
  }

  #fits(sampleMs: number): boolean {
    const partMs = Math.floor(this.#ms / sampleMs) * sampleMs;
    const bestMs = Math.max(1, Math.round(this.#wantedMs / sampleMs)) * sampleMs;
    const isSoonEnough = partMs - this.#wantedMs <= Math.abs(bestMs - this.#wantedMs) + OFF * this.#wantedMs;
    return isSoonEnough && partMs >= FULL_PART * this.#ms;
  }
}
