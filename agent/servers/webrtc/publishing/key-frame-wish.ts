/** Between two wishes that were fulfilled: more would cost more bits than they are worth. */
const MIN_PAUSE_MS = 500;
/** A large key frame takes its time over a narrow link: the same wish again comes after this, doubled each time. */
const FIRST_RETRY_MS = 1_000;
const MAX_PAUSE_MS = 4_000;
/**
 * Browsers make key frames only when they are asked. Each costs a phone's uplink as much as ten other frames, so they are asked for
 * when somebody needs one; a group gets no longer than this all the same, because segments, parts and recordings begin with one.
 */
const MAX_GROUP_MS = 4_000;

/** When a publisher is to be asked for a key frame: at its start, after damage, for a reader, and when the group gets long. */
export class KeyFrameWish {
  #isWanted = true;
  #pauseMs = MIN_PAUSE_MS;
  #askedMs: number;
  #keyMs: number;

  /** A sender begins with a key frame of its own accord: it is asked when that did not come. */
  constructor(nowMs: number) {
    this.#askedMs = nowMs;
    this.#keyMs = nowMs;
  }

  want(): void {
    this.#isWanted = true;
  }

  onKey(nowMs: number): void {
    this.#isWanted = false;
    this.#pauseMs = MIN_PAUSE_MS;
    this.#keyMs = nowMs;
  }

  /** @returns whether to ask now, which is taken as done then */
  take(nowMs: number): boolean {
    const isWanted = this.#isWanted || nowMs - this.#keyMs >= MAX_GROUP_MS;
    if (!isWanted || nowMs - this.#askedMs < this.#pauseMs) {
      return false;
    }
    this.#pauseMs = this.#pauseMs < FIRST_RETRY_MS ? FIRST_RETRY_MS : Math.min(MAX_PAUSE_MS, 2 * this.#pauseMs);
    this.#askedMs = nowMs;
    return true;
  }
}
