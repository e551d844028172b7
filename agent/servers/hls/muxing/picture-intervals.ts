/**
 * This many intervals in a row that differ by this factor in one direction are a new frame rate, no pause or jitter.
 */
const NEW_ONES = 3;
const NEW = 1.4;
const RECENT = 16;
/** The means of the older and newer half differ by less than this factor, unless the rate is changing. */
const STEADY = 1.25;

/** A steady rate, in two measures: jitter moves the first, a lost frame the second, and only a new rate both. */
export interface SteadyInterval {
  /** Mean of the middle half. */
  readonly typicalTicks: number;
  readonly meanTicks: number;
}

/** The sample intervals of one track. */
export class PictureIntervals {
  readonly #mayChange: boolean;
  /** Smoothed interval; 0: fewer than two samples. */
  #usualTicks = 0;
  #lastDts = Number.NEGATIVE_INFINITY;
  /** Consecutive intervals that are longer (positive) or shorter (negative) than before. */
  #newInRow = 0;
  #usualBefore = 0;
  /** Of those intervals, the one nearest to the previous rate, so that a pause among them does not count. */
  #nearest = 0;
  /** The latest intervals, a ring. */
  readonly #recent = new Float64Array(RECENT);
  #count = 0;

  /** @param mayChange true for video, whose frame rate falls at night. A long interval of audio is silence. */
  constructor(mayChange: boolean) {
    this.#mayChange = mayChange;
  }

  /** Usual interval; 0: unknown. */
  get usualTicks(): number {
    return this.#usualTicks;
  }

  /** @param dts increases */
  add(dts: number): void {
    const ticks = dts - this.#lastDts;
    this.#lastDts = dts;
    if (!Number.isFinite(ticks)) {
      return;
    }
    if (this.#usualTicks === 0) {
      this.#usualTicks = ticks;
      this.#remember(ticks);
      return;
    }
    if (this.#mayChange && this.#isNewRate(ticks)) {
      return;
    }
    // An interval of more than this many usual ones is a pause.
    if (ticks < 4 * this.#usualTicks) {
      this.#usualTicks += (ticks - this.#usualTicks) / 8;
      this.#remember(ticks);
    }
  }

  /** Whether this interval completes a new rate. */
  #isNewRate(ticks: number): boolean {
    const before = this.#newInRow === 0 ? this.#usualTicks : this.#usualBefore;
    const side = ticks > NEW * before ? 1 : ticks * NEW < before ? -1 : 0;
    if (side * this.#newInRow <= 0) {
      this.#newInRow = side;
      this.#usualBefore = before;
      this.#nearest = ticks;
      return false;
    }
    this.#newInRow += side;
    this.#nearest = side > 0 ? Math.min(this.#nearest, ticks) : Math.max(this.#nearest, ticks);
    if (side * this.#newInRow < NEW_ONES) {
      return false;
    }
    this.#newInRow = 0;
    this.#usualTicks = this.#nearest;
    this.#count = 0;
    for (let i = 0; i < NEW_ONES; i += 1) {
      this.#remember(this.#nearest);
    }
    return true;
  }

  #remember(ticks: number): void {
    this.#recent[this.#count % RECENT] = ticks;
    this.#count += 1;
  }

  /** The steady rate, or undefined if there are too few intervals, or the rate is changing. */
  steady(): SteadyInterval | undefined {
    const count = Math.min(this.#count, RECENT);
    if (count < 3) {
      return undefined;
    }
    const recent: number[] = [];
    for (let i = this.#count - count; i < this.#count; i += 1) {
      recent.push(this.#recent[i % RECENT] as number);
    }
    const older = mean(recent.slice(0, count >> 1));
    const newer = mean(recent.slice(count >> 1));
    return Math.max(older, newer) > STEADY * Math.min(older, newer)
      ? undefined
      : { typicalTicks: typicalOf(recent), meanTicks: mean(recent) };
  }
}

/** Mean of the middle half, which excludes pauses and bursts; 0: no values. Sorts its argument. */
export function typicalOf(ticks: number[]): number {
  const aside = ticks.length >> 2;
  return mean(ticks.sort((a, b) => a - b).slice(aside, ticks.length - aside));
}

const mean = (values: readonly number[]): number =>
  values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;
