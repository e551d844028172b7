/** Values kept per class. With the pause between them they span three minutes: long enough for gusts of wind, too short for daylight to change. */
const KEPT = 48;
const PAUSE_MS = 4_000;
/** The first values of a class are learnt without a pause. */
const FIRST = 24;
/** The deviation upwards, where motion is, is measured at this quantile; in a normal distribution it is `QUANTILE_DEVIATIONS` deviations away. */
const QUANTILE = 0.9;
const QUANTILE_DEVIATIONS = 1.28;
/** While a class has fewer values, nothing is compared with it. */
const MIN_KEPT = 4;
/** Latest values kept per class, with motion or without, from which a lasting change is learnt. */
const RECENT = 8;
/** Standard deviation of a normal distribution divided by its median absolute deviation. */
const TO_DEVIATION = 1.4826;
/** Few values underestimate the deviation: that of n values is raised by FEW / n of it. */
const FEW = 3;
/** While something moves, the background learns only one in this many values. */
const SLOWER = 6;

/** Median and deviation of the values of each class. Allocates only in the constructor. */
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

  /** A deviation is at least `least + leastShare * median`; otherwise every value of a steady class would stand out. */
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

  /** How many deviations `value` is above the median of its class, or undefined if too little is known. */
  above(kind: number, value: number): number | undefined {
    if ((this.#counts[kind] as number) < MIN_KEPT) {
      return undefined;
    }
    return (value - (this.#medians[kind] as number)) / (this.#deviations[kind] as number);
  }

  /** Adds a value. @param isQuiet it belongs to the background; other values are learnt more slowly */
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

/** Inserts `value` into the first `count` values of `sorted`, which are ascending. */
function insert(sorted: Float32Array, count: number, value: number): void {
  let at = count;
  while (at > 0 && (sorted[at - 1] as number) > value) {
    sorted[at] = sorted[at - 1] as number;
    at -= 1;
  }
  sorted[at] = value;
}
