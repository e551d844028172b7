/** Values of a class; with the pause between them, three minutes: gusts of wind are in them, the light of the day is not. */
const KEPT = 48;
const PAUSE_MS = 4_000;
/** So many values of a class are learnt without a pause. */
const FIRST = 24;
/** The spread upwards, where motion is: a quantile of a normal distribution, in deviations. */
const QUANTILE = 0.9;
const QUANTILE_DEVIATIONS = 1.28;
/** Before a class has as many, nothing is compared with it. */
const MIN_KEPT = 4;
/** The latest values of a class, moving or not: what a lasting change is learnt from. */
const RECENT = 8;
/** A median absolute deviation of a normal distribution as its standard deviation. */
const TO_DEVIATION = 1.4826;
/** Few values are spread less than many: the deviation of n is larger by this share of n. */
const FEW = 3;
/** While something moves, the background learns every sixth value only. */
const SLOWER = 6;

/** Median and spread of values that come class by class. Allocates only when it is made. */
export class Background {
  readonly #classes: number;
  readonly #values: Float32Array;
  readonly #counts: Uint32Array;
  readonly #recent: Float32Array;
  readonly #recentCounts: Uint32Array;
  readonly #learntMs: Float64Array;
  readonly #medians: Float32Array;
  readonly #deviations: Float32Array;
  readonly #least: number;
  readonly #leastShare: number;
  readonly #sorted = new Float32Array(KEPT);

  /** @param least the smallest deviation, without which every value of a steady class stands out; `leastShare`: of the median */
  constructor(classes: number, least: number, leastShare: number) {
    this.#classes = classes;
    this.#least = least;
    this.#leastShare = leastShare;
    this.#values = new Float32Array(classes * KEPT);
    this.#counts = new Uint32Array(classes);
    this.#recent = new Float32Array(classes * RECENT);
    this.#recentCounts = new Uint32Array(classes);
    this.#learntMs = new Float64Array(classes).fill(Number.NaN);
    this.#medians = new Float32Array(classes);
    this.#deviations = new Float32Array(classes);
  }

  /** How many deviations `value` is above the median of its class; undefined: too little is known. */
  above(kind: number, value: number): number | undefined {
    if ((this.#counts[kind] as number) < MIN_KEPT) {
      return undefined;
    }
    return (value - (this.#medians[kind] as number)) / (this.#deviations[kind] as number);
  }

  /** Notes a value. @param isQuiet it belongs to the background; others are learnt, too, but slower */
  add(kind: number, value: number, isQuiet: boolean, timeMs: number): void {
    const seen = this.#recentCounts[kind] as number;
    this.#recent[kind * RECENT + (seen % RECENT)] = value;
    this.#recentCounts[kind] = seen + 1;
    const count = this.#counts[kind] as number;
    const isDue = count < FIRST || !(timeMs - (this.#learntMs[kind] as number) < PAUSE_MS);
    if (isDue && (isQuiet || seen % SLOWER === 0)) {
      this.#learntMs[kind] = timeMs;
      this.#values[kind * KEPT + (count % KEPT)] = value;
      this.#counts[kind] = count + 1;
      this.#measure(kind);
    }
  }

  /** A lasting change may begin here: earlier values do not count in `replace`. */
  mark(): void {
    this.#recentCounts.fill(0);
  }

  /** The latest values are the background from now on. */
  replace(): void {
    for (let kind = 0; kind < this.#classes; kind += 1) {
      const count = Math.min(RECENT, this.#recentCounts[kind] as number);
      for (let i = 0; i < count; i += 1) {
        this.#values[kind * KEPT + i] = this.#recent[kind * RECENT + i] as number;
      }
      this.#counts[kind] = count;
      if (count > 0) {
        this.#measure(kind);
      }
    }
  }

  #measure(kind: number): void {
    const count = Math.min(KEPT, this.#counts[kind] as number);
    const sorted = this.#sorted;
    for (let i = 0; i < count; i += 1) {
      insert(sorted, i, this.#values[kind * KEPT + i] as number);
    }
    const median = sorted[count >> 1] as number;
    const upper = ((sorted[Math.floor(count * QUANTILE)] as number) - median) / QUANTILE_DEVIATIONS;
    for (let i = 0; i < count; i += 1) {
      insert(sorted, i, Math.abs((this.#values[kind * KEPT + i] as number) - median));
    }
    this.#medians[kind] = median;
    const deviation = (1 + FEW / count) * Math.max(upper, TO_DEVIATION * (sorted[count >> 1] as number));
    this.#deviations[kind] = Math.max(deviation, this.#least + this.#leastShare * median);
  }
}

/** Puts `value` in its place among the first `count` of `sorted`. */
function insert(sorted: Float32Array, count: number, value: number): void {
  let at = count;
  while (at > 0 && (sorted[at - 1] as number) > value) {
    sorted[at] = sorted[at - 1] as number;
    at -= 1;
  }
  sorted[at] = value;
}
