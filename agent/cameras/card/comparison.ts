import { createHash } from 'node:crypto';

/** Pictures in which nothing has changed are equal. */
const MIN_BYTES = 100;
const ENOUGH = 3;
/** Card and recordings may differ by as much at the very end of what is before a gap. */
const EDGE_MS = 2_000;
const MAX_SPREAD_MS = 100;
/** Pictures that differ by more in time are not the same: a dark scene looks the same for hours. */
const SAME_MS = 500;
/** Equal pictures that are noted. */
const MAX_FOUND = 10_000;

export const isSameTime = (a: number, b: number): boolean => Math.abs(a - b) <= SAME_MS;

export const digestOf = (data: Uint8Array): string => createHash('sha1').update(data).digest('base64');

/**
 * Finds out how far the times of a card are from those of the recordings, by pictures that both have: a camera's clock is off, or it
 * states local time as UTC.
 */
export class Comparison {
  /** Begin of the gap, Unix milliseconds. */
  readonly #gapMs: number;
  /** Capture times by digest. */
  readonly #recordedMs = new Map<string, number[]>();
  /** Capture times of recorded pictures that came from a card themselves. */
  readonly #fetchedMs = new Set<number>();
  /** Pictures of the card that are of the time before the gap, if its clock is believed. */
  #cardBefore = 0;
  #firstMs = Number.POSITIVE_INFINITY;
  readonly #differencesMs: number[] = [];
  /** Capture times of the pictures that `#differencesMs` has. */
  readonly #foundMs: number[] = [];

  /** @param gapMs begin of the gap, Unix milliseconds */
  constructor(gapMs: number) {
    this.#gapMs = gapMs;
  }

  /** A picture of the recordings. @param isFetched it came from a card itself */
  recorded(data: Uint8Array, unixMs: number, isFetched = false): void {
    if (data.length >= MIN_BYTES) {
      if (isFetched) {
        this.#fetchedMs.add(unixMs);
      }
      this.#firstMs = Math.min(this.#firstMs, unixMs);
      const digest = digestOf(data);
      const times = this.#recordedMs.get(digest) ?? [];
      times.push(unixMs);
      this.#recordedMs.set(digest, times);
    }
  }

  get isEmpty(): boolean {
    return this.#recordedMs.size === 0;
  }

  /** Whether the recordings that were compared have this picture at this time. */
  has(digest: string, unixMs: number): boolean {
    return this.#recordedMs.get(digest)?.some((one) => isSameTime(one, unixMs)) ?? false;
  }

  /** A picture of the card. @param assumedMs the card's time minus ours, as its clock says */
  found(data: Uint8Array, cardMs: number, assumedMs: number): void {
    const ms = cardMs - assumedMs;
    this.#cardBefore += data.length >= MIN_BYTES && ms >= this.#firstMs && ms < this.#gapMs - EDGE_MS ? 1 : 0;
    const [recordedMs, another] = (this.isEmpty ? undefined : this.#recordedMs.get(digestOf(data))) ?? [];
    // A picture that comes several times has no time.
    if (recordedMs !== undefined && another === undefined && this.#differencesMs.length < MAX_FOUND) {
      this.#differencesMs.push(cardMs - recordedMs);
      this.#foundMs.push(recordedMs);
    }
  }

  /** Whether a picture before the gap was found, at the card's time that all have. */
  get hasFoundBefore(): boolean {
    return this.#hasFound((ms) => ms < this.#gapMs);
  }

  /** Whether a picture that was recorded live was found so. One that came from the card is equal in any case, and proves nothing. */
  get hasFoundLive(): boolean {
    return this.#hasFound((ms) => !this.#fetchedMs.has(ms));
  }

  #hasFound(isMeant: (recordedMs: number) => boolean): boolean {
    const { differenceMs = Number.NaN } = this;
    return this.#differencesMs.some(
      (one, i) => Math.abs(one - differenceMs) <= MAX_SPREAD_MS && isMeant(this.#foundMs[i] ?? this.#gapMs),
    );
  }

  /** Whether card and recordings both have pictures of the time before the gap, and none is equal: another camera's, or another hour's. */
  get differsBefore(): boolean {
    let before = 0;
    for (const times of this.#recordedMs.values()) {
      const [ms = Number.NaN, another] = times;
      before += another === undefined && ms < this.#gapMs - EDGE_MS ? 1 : 0;
    }
    return before >= ENOUGH && this.#cardBefore >= ENOUGH && !this.hasFoundBefore;
  }

  /** The card's time minus ours; undefined: too few pictures are equal, or they do not agree. */
  get differenceMs(): number | undefined {
    const sorted = this.#differencesMs.toSorted((a, b) => a - b);
    const middle = sorted[sorted.length >> 1];
    const agreeing = sorted.filter((one) => Math.abs(one - (middle ?? 0)) <= MAX_SPREAD_MS);
    return middle !== undefined && agreeing.length >= ENOUGH && 2 * agreeing.length > sorted.length
      ? middle
      : undefined;
  }
}
