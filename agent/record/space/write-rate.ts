const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HOURS = 24;
/** Shorter is no basis for days. */
const MIN_OBSERVED_MS = 10 * 60_000;
/** Looks that follow more closely say nothing of a rate. */
const MIN_APART_MS = 1_000;

interface Hour {
  readonly index: number;
  observedMs: number;
  writtenBytes: number;
  grownBytes: number;
}

/** How fast a disk fills, from its free space at one look after the other: over the last day, hour by hour. */
export class WriteRate {
  readonly #hours: Hour[] = [];
  #lastMs: number | undefined;
  #lastFreeBytes = 0;
  #freedBytes = 0;
  /** Written between the last two looks. */
  recentBytesPerSecond = 0;

  /** Recordings were deleted: what became free by it was not there to be filled. */
  freed(diskBytes: number): void {
    this.#freedBytes += diskBytes;
  }

  add(monoMs: number, freeBytes: number): void {
    const lastMs = this.#lastMs;
    const passedMs = lastMs === undefined ? 0 : monoMs - lastMs;
    if (lastMs !== undefined && passedMs < MIN_APART_MS) {
      return;
    }
    const grownBytes = this.#lastFreeBytes - freeBytes;
    const writtenBytes = Math.max(0, grownBytes + this.#freedBytes);
    this.#lastMs = monoMs;
    this.#lastFreeBytes = freeBytes;
    this.#freedBytes = 0;
    if (lastMs === undefined) {
      return;
    }
    this.recentBytesPerSecond = (writtenBytes * 1000) / passedMs;
    const hour = this.#hourAt(Math.floor(monoMs / HOUR_MS));
    hour.observedMs += passedMs;
    hour.writtenBytes += writtenBytes;
    hour.grownBytes += grownBytes;
  }

  /** Undefined as long as there is too little to go by. */
  get writtenBytesPerDay(): number | undefined {
    return this.#perDay((hour) => hour.writtenBytes);
  }

  /** What was deleted taken off; negative when the disk becomes emptier. */
  get grownBytesPerDay(): number | undefined {
    return this.#perDay((hour) => hour.grownBytes);
  }

  #perDay(bytesOf: (hour: Hour) => number): number | undefined {
    let observedMs = 0;
    let bytes = 0;
    for (const hour of this.#hours) {
      observedMs += hour.observedMs;
      bytes += bytesOf(hour);
    }
    return observedMs < MIN_OBSERVED_MS ? undefined : (bytes * DAY_MS) / observedMs;
  }

  #hourAt(index: number): Hour {
    const last = this.#hours.at(-1);
    if (last?.index === index) {
      return last;
    }
    const hour = { index, observedMs: 0, writtenBytes: 0, grownBytes: 0 };
    this.#hours.push(hour);
    while ((this.#hours[0]?.index ?? index) <= index - HOURS) {
      this.#hours.shift();
    }
    return hour;
  }
}

interface ForecastInput {
  readonly freeBytes: number;
  /** Below it the oldest recordings are deleted; 0: never. */
  readonly minFreeBytes: number;
  /** Below it recording stops. */
  readonly stopBytes: number;
  readonly rate: Pick<WriteRate, 'writtenBytesPerDay' | 'grownBytesPerDay'>;
  /** Of the oldest recording on the disk; undefined: there is none, or it is not known. */
  readonly oldestAgeMs: number | undefined;
  /** Every recording on the disk is deleted by its age; undefined: not every. */
  readonly ageLimitMs: number | undefined;
}

/** In days; undefined: never, or not known. */
export interface Forecast {
  readonly fullInDays: number | undefined;
  /** How far back recordings will reach. */
  readonly keepsDays: number | undefined;
}

export function forecast(input: ForecastInput): Forecast {
  const { freeBytes, minFreeBytes, stopBytes, oldestAgeMs, ageLimitMs } = input;
  const { writtenBytesPerDay: written, grownBytesPerDay: grown } = input.rate;
  const limitDays = ageLimitMs === undefined ? Number.POSITIVE_INFINITY : ageLimitMs / DAY_MS;
  const oldestDays = (oldestAgeMs ?? 0) / DAY_MS;
  if (written === undefined || grown === undefined || written <= 0) {
    return { fullInDays: undefined, keepsDays: finite(limitDays) };
  }
  if (minFreeBytes > 0) {
    const untilDeletion = Math.max(0, freeBytes - minFreeBytes) / written;
    return { fullInDays: undefined, keepsDays: finite(Math.min(limitDays, oldestDays + untilDeletion)) };
  }
  const roomBytes = Math.max(0, freeBytes - stopBytes);
  const fullInDays = grown > 0 ? roomBytes / grown : Number.POSITIVE_INFINITY;
  // Until the first recordings are old enough to go, a disk grows that will be large enough in the end.
  const isFullFirst = roomBytes / written <= Math.max(0, limitDays - oldestDays);
  return { fullInDays: isFullFirst ? finite(fullInDays) : undefined, keepsDays: finite(limitDays) };
}

const finite = (days: number): number | undefined => (Number.isFinite(days) ? days : undefined);
