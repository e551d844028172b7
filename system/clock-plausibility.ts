import { DAY_MS } from '../agent/base/time/units.ts';
import { isPlausible } from './clock-signs.ts';

/** Longest time off, and largest step of the clock, that needs no confirmation. */
const AHEAD_MS = 7 * DAY_MS;
/** A clock in local time may start in another time zone. */
const BEHIND_MS = DAY_MS;
/** A date that nothing contradicted for this long is trusted. */
const PROOF_MS = DAY_MS;

export interface DateDoubt {
  /** `new`: no date was ever confirmed. Otherwise: ahead of or behind the last trusted one. */
  readonly kind: 'new' | 'ahead' | 'behind';
  /** Distance from the last trusted date in milliseconds; infinite for `new`. */
  readonly jumpMs: number;
  /** Time since which the clock has run on without a step, in Unix ms. */
  readonly sinceMs: number;
}

/** The state stored between starts of Perch. Times are Unix milliseconds. */
export interface DateMemory {
  /** The last trusted date, and the monotonic time at that moment. */
  readonly believed: { readonly wallMs: number; readonly monoMs: number; readonly bootId: string } | undefined;
  /** A date in doubt: when it began, its last value, and how long Perch has run with it. */
  readonly doubted: { readonly sinceMs: number; readonly wallMs: number; readonly ranMs: number } | undefined;
}

export interface ClockReading {
  readonly wallMs: number;
  readonly monoMs: number;
}

interface DoubtedDate {
  readonly sinceMs: number;
  offsetMs: number;
  ranMs: number;
}

/**
 * Whether the date continues from the last trusted one. A clock that jumps years ahead (a battery, a typing error, a
 * restored machine) makes every recording old at once. Such a date is trusted once something confirms it, or after
 * Perch has run with it for a day; a jump back to the former date ends the doubt.
 */
export class ClockPlausibility {
  readonly #bootId: string;
  /** Wall clock minus monotonic clock of a date that continues. */
  #believedOffsetMs: number | undefined;
  #kept: DateMemory['believed'];
  #doubted: DoubtedDate | undefined;
  #lastMonoMs: number;

  constructor(bootId: string, { believed, doubted }: DateMemory, now: ClockReading) {
    const { wallMs, monoMs } = now;
    this.#bootId = bootId;
    this.#kept = believed;
    this.#lastMonoMs = monoMs;
    const offsetMs = wallMs - monoMs;
    if (believed) {
      this.#believedOffsetMs = believed.wallMs - (believed.bootId === bootId ? believed.monoMs : monoMs);
    }
    const isSame = doubted !== undefined && isNear(wallMs - doubted.wallMs);
    this.#doubted = isSame
      ? { sinceMs: doubted.sinceMs, offsetMs, ranMs: doubted.ranMs }
      : { sinceMs: wallMs, offsetMs, ranMs: 0 };
    this.observe(now);
  }

  get doubt(): DateDoubt | undefined {
    const doubted = this.#doubted;
    if (!doubted) {
      return undefined;
    }
    const { sinceMs, offsetMs } = doubted;
    if (this.#believedOffsetMs === undefined) {
      return { kind: 'new', jumpMs: Infinity, sinceMs };
    }
    const jumpMs = offsetMs - this.#believedOffsetMs;
    return { kind: jumpMs > 0 ? 'ahead' : 'behind', jumpMs: Math.abs(jumpMs), sinceMs };
  }

  /** An implausible date is not judged. */
  observe({ wallMs, monoMs }: ClockReading): void {
    const ranMs = Math.max(0, monoMs - this.#lastMonoMs);
    this.#lastMonoMs = monoMs;
    if (!isPlausible(wallMs)) {
      return;
    }
    const offsetMs = wallMs - monoMs;
    if (this.#believedOffsetMs !== undefined && isNear(offsetMs - this.#believedOffsetMs)) {
      this.believe({ wallMs, monoMs });
      return;
    }
    if (!this.#doubted || !isNear(offsetMs - this.#doubted.offsetMs)) {
      this.#doubted = { sinceMs: wallMs, offsetMs, ranMs: 0 };
      return;
    }
    this.#doubted.offsetMs = offsetMs;
    this.#doubted.ranMs += ranMs;
    if (this.#doubted.ranMs >= PROOF_MS) {
      this.believe({ wallMs, monoMs });
    }
  }

  believe({ wallMs, monoMs }: ClockReading): void {
    this.#doubted = undefined;
    this.#believedOffsetMs = wallMs - monoMs;
    this.#kept = undefined;
  }

  memory(): DateMemory {
    const [offsetMs, monoMs] = [this.#believedOffsetMs, this.#lastMonoMs];
    const current = offsetMs === undefined ? undefined : { wallMs: offsetMs + monoMs, monoMs, bootId: this.#bootId };
    const believed = this.#kept ?? current;
    const doubted = this.#doubted && {
      sinceMs: this.#doubted.sinceMs,
      wallMs: this.#doubted.offsetMs + monoMs,
      ranMs: this.#doubted.ranMs,
    };
    return { believed, doubted };
  }
}

const isNear = (jumpMs: number): boolean => jumpMs <= AHEAD_MS && jumpMs >= -BEHIND_MS;

/** Reads saved values; anything else counts as not saved. */
export function readDateMemory({ believed, doubted }: { believed?: unknown; doubted?: unknown }): DateMemory {
  const { wallMs, monoMs, bootId } = (believed ?? {}) as Record<string, unknown>;
  const last = (doubted ?? {}) as Record<string, unknown>;
  const isMoment = isTime(wallMs) && isTime(monoMs) && typeof bootId === 'string' && isPlausible(wallMs);
  const { sinceMs, wallMs: lastMs, ranMs } = last;
  return {
    believed: isMoment ? { wallMs, monoMs, bootId } : undefined,
    doubted: isTime(sinceMs) && isTime(lastMs) && isTime(ranMs) ? { sinceMs, wallMs: lastMs, ranMs } : undefined,
  };
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
