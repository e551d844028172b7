/** So long the beginning of a track may come in a burst; afterwards what comes too fast is a clock that has jumped. */
const MAX_BEGINNING_MS = 3_000;
/** Less than this is jitter. */
const MIN_SURPLUS_MS = 300;
/** A burst is over when nothing came too fast for so long: the network or this machine may pause in it. */
const CALM_MS = 100;

/** How the beginning of a track comes: what a camera has kept from before comes faster than it was captured. */
export class StartBurst {
  /** By how much the track has turned out to be older than it seemed at `open`, by what came too fast. */
  olderMs = 0;
  /** What comes is faster than it was captured. */
  isFast = false;
  isOver = false;
  #surplusMs = 0;
  #firstAtMs = Number.NaN;
  #firstMediaMs = 0;
  #atMs = 0;
  #mediaMs = 0;
  #fastAtMs = Number.NEGATIVE_INFINITY;

  /** The burst is large, and lasts. */
  get isRunning(): boolean {
    return this.isFast && this.#surplusMs >= MIN_SURPLUS_MS;
  }

  open(): void {
    this.olderMs = 0;
  }

  /**
   * A new time of the track.
   * @param olderMs by how much the capture of all before has turned out to be earlier with it
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
