import type { SteadyInterval } from './picture-intervals.ts';

/** Parts may tremble by so much before one of them has to do with a sample less. */
const SPARE = 1.08;

/** The part target duration (RFC 8216bis §4.4.3.7) in whole milliseconds: of as many samples as come nearest to what is wanted. */
export function partTargetMs(sampleMs: number, wantedMs: number): number {
  const samples = Math.max(1, Math.round(wantedMs / sampleMs));
  // What floating point adds is not a millisecond more.
  return Math.ceil(samples * sampleMs * SPARE - 1e-6);
}

/** All but independent parts and the last of a segment reach this share of the target (§4.4.4.9). */
export const FULL_PART = 0.85;
/** Parts may be so much longer than they have to be, as a share of what is wanted: a target that changes to and fro is worse. */
const OFF = 0.15;

/**
 * How long parts are to be, and what the playlist tells of it. Cameras that see less in the dark send fewer pictures, so the target of the day
 * does not hold for good. RFC 8216bis has no change of it; of all that could be done a change in the open does the least harm:
 * hls.js and Apple's players read PART-TARGET and PART-HOLD-BACK anew with each playlist, while parts beyond the target may be refused,
 * short ones make needless requests, and a break for it would empty every player's buffer. Parts that are listed stay listed: hls.js would fall
 * back to whole segments without them and stall. So the playlist tells the largest target that any listed part was made by, rises at once
 * with a part that needs it, and falls only when the last of the longer parts has gone from the list.
 */
export class PartTarget {
  readonly #wantedMs: number;
  #ms = 0;
  /** Of the segment that is being made; more than `#ms` where one sample alone was longer. */
  #runningMs = 0;
  /** Of whole segments whose parts are listed, or were until a moment ago. Oldest first. */
  #ended: { readonly number: number; readonly ms: number }[] = [];

  /** @param wantedMs how long parts are to be, as near as samples allow */
  constructor(wantedMs: number) {
    this.#wantedMs = wantedMs;
  }

  /** New parts are made by it; 0: it is not fixed yet. */
  get ms(): number {
    return this.#ms;
  }

  fix(sampleMs: number): void {
    this.#ms = partTargetMs(sampleMs, this.#wantedMs);
    this.#runningMs = Math.max(this.#runningMs, this.#ms);
  }

  /** A part has been made. One sample cannot be shortened: what is told rises to where such samples fit for good, should more of them come. */
  made(partMs: number): void {
    if (partMs > this.#runningMs) {
      this.#runningMs = Math.max(Math.ceil(partMs), partTargetMs(partMs, this.#wantedMs));
    }
  }

  /** @param firstPartedNumber of the first listed segment that shows parts from now on */
  segmentEnded(number: number, firstPartedNumber: number): void {
    this.#ended.push({ number, ms: this.#runningMs });
    this.#ended = this.#ended.filter((segment) => segment.number >= firstPartedNumber);
    this.#runningMs = this.#ms;
  }

  /** Between two segments: fixed anew where samples come at another rate now, and the target does not suit it. */
  refit({ typicalTicks, meanTicks }: SteadyInterval, clockRateHz: number): void {
    const typicalMs = (typicalTicks * 1000) / clockRateHz;
    if (!this.#fits(typicalMs) && !this.#fits((meanTicks * 1000) / clockRateHz)) {
      this.#ms = partTargetMs(typicalMs, this.#wantedMs);
      this.#runningMs = this.#ms;
    }
  }

  /** For the playlist: no listed part is longer. */
  get announcedMs(): number {
    let announced = this.#runningMs;
    for (const { ms } of this.#ended) {
      announced = Math.max(announced, ms);
    }
    return announced;
  }

  #fits(sampleMs: number): boolean {
    const partMs = Math.floor(this.#ms / sampleMs) * sampleMs;
    const bestMs = Math.max(1, Math.round(this.#wantedMs / sampleMs)) * sampleMs;
    const leastOffMs = Math.abs(bestMs - this.#wantedMs);
    const isSoonEnough = partMs - this.#wantedMs <= leastOffMs + OFF * this.#wantedMs;
    return isSoonEnough && partMs >= FULL_PART * this.#ms;
  }
}
