import { isPlausible } from './clock-signs.ts';

const DAY_MS = 86_400_000;
/** A machine may have been off for so long, and a clock be set by so much, without anybody's word for it. */
const AHEAD_MS = 7 * DAY_MS;
/** A clock that runs in local time may begin with another zone's. */
const BEHIND_MS = DAY_MS;
/** What nobody has contradicted while Perch ran for so long is believed. */
const PROOF_MS = DAY_MS;

/** Why the date is not taken for granted. */
export interface DateDoubt {
  /** `new`: there is no date of which one knows that it was right. Otherwise: it is so far from the last that was believed. */
  readonly kind: 'new' | 'ahead' | 'behind';
  /** How far, in milliseconds; infinite when it is new. */
  readonly jumpMs: number;
  /** Since when the clock has run from there, by itself: Unix milliseconds. */
  readonly sinceMs: number;
}

/** What is kept between starts of Perch. Times are Unix milliseconds. */
export interface DateMemory {
  /** The last that was believed, and the monotonic time then. */
  readonly believed: { readonly wallMs: number; readonly monoMs: number; readonly bootId: string } | undefined;
  /** A date that is not believed yet: since when it runs, what it was at the end, and for how long Perch has run with it. */
  readonly doubted: { readonly sinceMs: number; readonly wallMs: number; readonly ranMs: number } | undefined;
}

/** What the two clocks say at a moment. */
export interface Moment {
  readonly wallMs: number;
  readonly monoMs: number;
}

interface Doubted {
  readonly sinceMs: number;
  offsetMs: number;
  ranMs: number;
}

/**
 * Whether the date goes on from the last one that was believed. A clock that jumps years ahead (a battery, a typing error, a machine
 * that was restored) makes every recording old at once: such a date is believed when something confirms it, when it jumps back to
 * where it was, or when Perch has run with it for a day.
 */
export class ClockPlausibility {
  readonly #bootId: string;
  /** Wall clock minus monotonic clock, as it would be if the date went on. */
  #believedOffsetMs: number | undefined;
  #kept: DateMemory['believed'];
  #doubted: Doubted | undefined;
  #lastMonoMs: number;

  constructor(bootId: string, { believed, doubted }: DateMemory, now: Moment) {
    const { wallMs, monoMs } = now;
    this.#bootId = bootId;
    this.#kept = believed;
    this.#lastMonoMs = monoMs;
    const offsetMs = wallMs - monoMs;
    if (believed) {
      this.#believedOffsetMs = believed.wallMs - (believed.bootId === bootId ? believed.monoMs : monoMs);
    }
    const goesOn = doubted !== undefined && isNear(wallMs - doubted.wallMs);
    this.#doubted = goesOn
      ? { sinceMs: doubted.sinceMs, offsetMs, ranMs: doubted.ranMs }
      : { sinceMs: wallMs, offsetMs, ranMs: 0 };
    this.look(now);
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

  /** A date that is none is not judged. */
  look({ wallMs, monoMs }: Moment): void {
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

  /** It is right: somebody who knows has said so. */
  believe({ wallMs, monoMs }: Moment): void {
    this.#doubted = undefined;
    this.#believedOffsetMs = wallMs - monoMs;
    this.#kept = undefined;
  }

  /** To be kept. */
  memory(): DateMemory {
    const { wallMs, monoMs } = { wallMs: (this.#believedOffsetMs ?? 0) + this.#lastMonoMs, monoMs: this.#lastMonoMs };
    const isKnown = this.#believedOffsetMs !== undefined;
    const believed = this.#kept ?? (isKnown ? { wallMs, monoMs, bootId: this.#bootId } : undefined);
    const doubted = this.#doubted && {
      sinceMs: this.#doubted.sinceMs,
      wallMs: this.#doubted.offsetMs + monoMs,
      ranMs: this.#doubted.ranMs,
    };
    return { believed, doubted };
  }
}

const isNear = (jumpMs: number): boolean => jumpMs <= AHEAD_MS && jumpMs >= -BEHIND_MS;

/** @param json what was kept, or anything else */
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
