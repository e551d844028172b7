const FIRST_PAUSE_MS = 120_000;
export const MAX_PAUSE_MS = 3_600_000;
/** A stream that ends within this after its card was read may have ended by that. */
const AFTER_MS = 30_000;
/** A camera whose stream ends more often than this is asked once a day. */
const MAX_BREAKS = 4;
const DAY_MS = 86_400_000;

/** Whether reading the card of a camera ends its live stream: then it is read ever more rarely. Times are monotonic. */
export class StreamWatch {
  /** The card is not read before. */
  notBeforeMs = Number.NEGATIVE_INFINITY;
  /** How often reading has ended the stream, one after the other. */
  #breaks = 0;
  /** When reading has ended; undefined: its effect is known. */
  #readMs: number | undefined;
  #streamTime: string | null = null;
  #hasEnded = false;

  /** It ends the stream again and again. */
  get isHopeless(): boolean {
    return this.#breaks > MAX_BREAKS;
  }

  /** @param streamTime when the present stream began, or null @returns whether that is another stream than at the last call */
  follow(streamTime: string | null, isBeingRead: boolean, nowMs: number): boolean {
    const isOther = streamTime !== this.#streamTime;
    const wasJustRead = this.#readMs !== undefined && nowMs < this.#readMs + AFTER_MS;
    if (isOther && this.#streamTime !== null && (isBeingRead || wasJustRead)) {
      this.#breaks += 1;
      this.#readMs = undefined;
      this.#hasEnded = isBeingRead;
      const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#breaks - 1));
      this.notBeforeMs = nowMs + (this.isHopeless ? DAY_MS : pauseMs);
    } else if (this.#readMs !== undefined && !isBeingRead && !wasJustRead) {
      this.#breaks = 0;
      this.#readMs = undefined;
    }
    this.#streamTime = streamTime;
    return isOther;
  }

  /** Reading has ended. */
  read(nowMs: number): void {
    this.#readMs = this.#hasEnded ? undefined : nowMs;
    this.#hasEnded = false;
  }
}
