const SHARE = 4;
const WINDOW_MS = 500;
/** A connection that still grows faster than this from one window to the next is measured further. */
const GROWTH = 1.25;
const MAX_WINDOWS = 6;
/** What a measurement takes from the link at most. */
const MAX_MEASURED_BYTES = 4 << 20;
/** A quarter of 100 Mbit/s, which cameras have at most. Bytes a second, as all rates here. */
const MAX_RATE = 3 << 20;
/** A link is measured again after this. */
const MEASURED_FOR_MS = 3_600_000;
/** A replay that is at most this many times faster than the recording is paced by the camera, not by its link. */
const PACED = 1.5;

/** A quarter of what a camera's link carries, measured at the start of a replay, at most once an hour: a card may need a replay for each minute. */
export class LinkShare {
  /** What the link carries; undefined: not known. */
  linkBytesPerSecond: number | undefined;
  #isMeasuring = false;
  #measuredMs = Number.NEGATIVE_INFINITY;
  #startMs = Number.NaN;
  #startBytes = 0;
  #startMediaMs = 0;
  #windowMs = 0;
  #windowBytes = 0;
  #windows = 0;
  #best = 0;

  /** How fast the camera may be read now. */
  get maxBytesPerSecond(): number {
    // So that a gap is filled at all.
    const share = Math.max(32 << 10, (this.linkBytesPerSecond ?? Number.POSITIVE_INFINITY) / SHARE);
    return this.#isMeasuring ? SHARE * MAX_RATE : Math.min(MAX_RATE, share);
  }

  /** A replay begins. @param nowMs monotonic, as in `read` */
  begin(nowMs: number): void {
    this.#isMeasuring = nowMs - this.#measuredMs >= MEASURED_FOR_MS;
    this.#startMs = Number.NaN;
    this.#windows = 0;
    this.#best = 0;
  }

  /**
   * What has come since the begin of the replay; called several times a second.
   * @param mediaMs the recorded time of the last picture; NaN: none has come
   */
  read(bytes: number, mediaMs: number, nowMs: number): void {
    if (!this.#isMeasuring || Number.isNaN(mediaMs)) {
      return;
    }
    if (Number.isNaN(this.#startMs)) {
      // The card has been searched until now.
      this.#startMs = nowMs;
      this.#startBytes = bytes;
      this.#startMediaMs = mediaMs;
      this.#windowMs = nowMs;
      this.#windowBytes = bytes;
      return;
    }
    const isOver = bytes - this.#startBytes >= MAX_MEASURED_BYTES;
    const passedMs = nowMs - this.#windowMs;
    if (passedMs < WINDOW_MS && !(isOver && passedMs > 0)) {
      return;
    }
    const rate = ((bytes - this.#windowBytes) * 1000) / passedMs;
    const isGrowing = rate > GROWTH * this.#best;
    this.#windows += 1;
    this.#best = Math.max(this.#best, rate);
    this.#windowMs = nowMs;
    this.#windowBytes = bytes;
    if (isOver || this.#windows >= MAX_WINDOWS || (this.#windows > 1 && !isGrowing)) {
      this.#isMeasuring = false;
      this.#measuredMs = nowMs;
      const isPaced = mediaMs - this.#startMediaMs < PACED * (nowMs - this.#startMs);
      this.linkBytesPerSecond = isPaced ? undefined : Math.max(1, Math.round(this.#best));
    }
  }
}
