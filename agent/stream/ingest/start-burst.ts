/** A burst of media from before PLAY arrives within this time. Later, a step that is too fast is a jump of the camera's clock. */
const MAX_BEGINNING_MS = 3_000;
/** Less than this is jitter. */
const MIN_SURPLUS_MS = 300;
/** A burst ends after this time without a fast packet: the network or this box may pause within it. */
const CALM_MS = 100;

/** Detects a burst at the start of a track: cached media, sent faster than it was captured. */
export class StartBurst {
  /** How much older the track is than estimated at `open`, in milliseconds. */
  olderMs = 0;
  /** Samples arrive faster than they were captured. */
  isFast = false;
  isOver = false;
  #surplusMs = 0;
  #firstAtMs = Number.NaN;
  #firstMediaMs = 0;
  #atMs = 0;
  #mediaMs = 0;
  #fastAtMs = Number.NEGATIVE_INFINITY;

  /** A large burst that has not ended. */
  get isRunning(): boolean {
    return this.isFast && this.#surplusMs >= MIN_SURPLUS_MS;
  }

  open(): void {
    this.olderMs = 0;
  }

  /**
   * Called for each timestamp later than all before.
   * @param olderMs how much earlier all previous samples were captured than assumed until now
   */
  push(mediaMs: number, atMs: number, olderMs: number): void {
    if (Number.isNaN(this.#firstAtMs)) {
      this.#firstAtMs = atMs;
      this.#firstMediaMs = mediaMs;
    } else {
      this.isOver ||= atMs - this.#firstAtMs >= MAX_BEGINNING_MS;
      const isFast = !this.isOver && atMs - this.#atMs < (mediaMs - this.#mediaMs) / 2;
      this.#fastAtMs = isFast ? atMs : this.#fastAtMs;
      this.isFast = atMs - this.#fastAtMs < CALM_MS;
      this.olderMs += isFast ? olderMs : 0;
    }
    this.#surplusMs = mediaMs - this.#firstMediaMs - (atMs - this.#firstAtMs);
    this.#atMs = atMs;
    this.#mediaMs = mediaMs;
  }
}
