import type { CardGroups } from './card-groups.ts';

/** Cameras begin with a key picture. */
const LATE_MS = 2_000;
/** Beyond this the recording has a hole. */
const MAX_LATE_MS = 60_000;
/** Times of recordings are rounded. */
const EDGE_MS = 1_000;

/** Replays that begin later than asked for, so that pictures are missed: they are asked for once more, earlier by that. */
export class Lateness {
  /** What the next replay is asked for earlier. */
  earlierMs = 0;
  #knownMs = 0;
  #canBeLate = true;

  /** Replays of another recording follow. */
  begin(): void {
    this.earlierMs = this.#knownMs;
    this.#canBeLate = this.#knownMs === 0;
  }

  /** @param firstMs begin of a replay @param askedMs what was asked for @param wantedMs the first picture that is missing; by the card */
  isLate(firstMs: number, askedMs: number, wantedMs: number): boolean {
    const lateMs = firstMs - askedMs;
    return this.#canBeLate && lateMs > LATE_MS && lateMs <= MAX_LATE_MS && firstMs > wantedMs - LATE_MS;
  }

  /** A replay has ended. @returns whether it is to be repeated: it was late, or asked for what is before the recording only */
  mustRepeat({ lateMs, seenMs }: Pick<CardGroups, 'lateMs' | 'seenMs'>, askedMs: number): boolean {
    if (lateMs !== undefined) {
      this.#knownMs = lateMs - askedMs + EDGE_MS;
      this.#canBeLate = false;
      this.earlierMs = this.#knownMs;
      return true;
    }
    const isBefore = seenMs === undefined && this.earlierMs > 0;
    this.earlierMs = isBefore ? 0 : this.earlierMs;
    return isBefore;
  }
}
