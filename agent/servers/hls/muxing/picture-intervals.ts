/** A pause does not change how long samples are taken to be. */
const MAX_USUAL = 4;
/** So many in a row that are off by so much, to one side, are neither pauses nor trembling: the camera has another rate. */
const NEW_ONES = 3;
const NEW = 1.4;
const RECENT = 16;
/** From fewer nothing is concluded. */
const MIN_RECENT = 3;
/** The older half of the recent ones is so near to the newer half, unless the rate is changing just now. */
const STEADY = 1.25;

/** What is known of a steady rate, in two ways: trembling moves the first, a lost picture the second, and only another rate moves both. */
export interface SteadyInterval {
  /** Mean of the middle half. */
  readonly typicalTicks: number;
  readonly meanTicks: number;
}

/** How far the samples of one track are apart. */
export class PictureIntervals {
  readonly #mayChange: boolean;
  /** Smoothed; 0: there have not been two. */
  #usualTicks = 0;
  #lastDts = Number.NEGATIVE_INFINITY;
  /** Those in a row that are longer, or negative: shorter, than what was usual before them. */
  #newInRow = 0;
  #usualBefore = 0;
  /** The one of them that is nearest to it: a pause among them tells nothing. */
  #nearest = 0;
  /** A ring of the last ones. */
  readonly #recent = new Float64Array(RECENT);
  #count = 0;

  /** @param mayChange the rate of pictures does, at night; what comes late of a sound is silence */
  constructor(mayChange: boolean) {
    this.#mayChange = mayChange;
  }

  /** How long a sample usually is; 0: unknown. */
  get usualTicks(): number {
    return this.#usualTicks;
  }

  /** @param dts later than the last one */
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
    if (ticks < MAX_USUAL * this.#usualTicks) {
      this.#usualTicks += (ticks - this.#usualTicks) / 8;
      this.#remember(ticks);
    }
  }

  /** True: it was the last of those that make another rate, which holds from now on. */
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

  /** Undefined: there are too few, or the rate is changing. */
  steady(): SteadyInterval | undefined {
    const count = Math.min(this.#count, RECENT);
    if (count < MIN_RECENT) {
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

/** Of the middle half: whatever halted or hurried is left out. 0: there are none. Sorts what it is given. */
export function typicalOf(ticks: number[]): number {
  const aside = ticks.length >> 2;
  return mean(ticks.sort((a, b) => a - b).slice(aside, ticks.length - aside));
}

const mean = (values: readonly number[]): number =>
  values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;
