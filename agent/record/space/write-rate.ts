import { DAY_MS, HOUR_MS } from '../../base/time/units.ts';

const HOURS = 24;
/** A minute, if nothing asks for more checks. */
const MAX_CHECKS = 12;

interface Hour {
  readonly index: number;
  observedMs: number;
  writtenBytes: number;
  grownBytes: number;
}

/** How fast a disk fills, from its free space over the last day, by hour. */
export class WriteRate {
  readonly #hours: Hour[] = [];
  /** By how many bytes a second the disk filled in the last checks, each two in a row: a short copy does not count. */
  readonly #filled: number[] = [];
  #lastFilled = 0;
  #lastMs: number | undefined;
  #lastFreeBytes = 0;
  #freedBytes = 0;
  recentBytesPerSecond = 0;

  /** How fast the disk filled in the last checks, those before recording stopped, too. */
  get fillingBytesPerSecond(): number {
    return Math.max(0, ...this.#filled);
  }

  /** Called when recordings were deleted, so that the space they free does not hide what was written. */
  freed(diskBytes: number): void {
    this.#freedBytes += diskBytes;
  }

  add(monoMs: number, freeBytes: number): void {
    const lastMs = this.#lastMs;
    const passedMs = lastMs === undefined ? 0 : monoMs - lastMs;
    // Checks in shorter succession do not measure a rate.
    if (lastMs !== undefined && passedMs < 1_000) {
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
    const filled = (grownBytes * 1000) / passedMs;
    this.#filled.push(Math.min(filled, this.#lastFilled));
    this.#lastFilled = filled;
    if (this.#filled.length > MAX_CHECKS) {
      this.#filled.shift();
    }
    const hour = this.#hourAt(Math.floor(monoMs / HOUR_MS));
    hour.observedMs += passedMs;
    hour.writtenBytes += writtenBytes;
    hour.grownBytes += grownBytes;
  }

  /** Undefined if there is too little data. */
  get writtenBytesPerDay(): number | undefined {
    return this.#perDay((hour) => hour.writtenBytes);
  }

  /** Net of deletions; negative if the disk gets emptier. */
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
    // After a shorter observation there is no forecast.
    return observedMs < 10 * 60_000 ? undefined : (bytes * DAY_MS) / observedMs;
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
  /** Age of the oldest recording, or undefined if there is none, or it is unknown. */
  readonly oldestAgeMs: number | undefined;
  /** Retention of all recordings on the disk, or undefined if some have none. */
  readonly ageLimitMs: number | undefined;
}

/** What is expected of a disk at its current write rate. Undefined if never, or unknown. */
export interface Forecast {
  readonly fullInDays: number | undefined;
  /** How many days of recordings the disk will hold. */
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
  // Before the first recordings expire, even a disk that is large enough keeps filling.
  const isFullFirst = roomBytes / written <= Math.max(0, limitDays - oldestDays);
  return { fullInDays: isFullFirst ? finite(fullInDays) : undefined, keepsDays: finite(limitDays) };
}

const finite = (days: number): number | undefined => (Number.isFinite(days) ? days : undefined);
