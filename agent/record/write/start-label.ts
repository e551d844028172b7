/** A step further back than this is no burst: a clock has jumped. */
const MAX_STEP_MS = 5_000;
/** A burst is over behind so much media, and so many samples, that were not too fast: the network or this machine may pause in it. */
const CALM_MS = 500;
/** Pictures out of their order have times that waver over so many. */
const LEVEL_SAMPLES = 4;

/**
 * When a file's first sample was captured. A camera that begins with what it has kept sends that faster than it was captured, and
 * what is captured later cannot come earlier: each sample shows that the first is older than it was taken for. The label is final
 * with the first part, which waits for the end of such a burst.
 */
export class StartLabel {
  /** By how much the first sample has turned out to be older. */
  earlierMs = 0;
  isInBurst = false;
  #isFinal = false;
  #calmMs = 0;
  #calmSamples = 0;
  /** Capture time minus media time of the last samples, from that of the first on. */
  #drifts: number[] = [0];
  #driftMs = 0;

  begin(): void {
    this.earlierMs = 0;
    this.isInBurst = false;
    this.#isFinal = false;
    this.#calmMs = 0;
    this.#calmSamples = 0;
    this.#drifts = [0];
    this.#driftMs = 0;
  }

  /** @returns whether it was not final before */
  finish(): boolean {
    const wasFinal = this.#isFinal;
    this.isInBurst = false;
    this.#isFinal = true;
    return !wasFinal;
  }

  /**
   * The next sample of the leading track.
   * @param partedMs capture time since the one before, minus media time
   * @param frameMs decode time since the one before
   * @returns by how much more all before it was captured earlier; undefined: the label is final, or a clock has jumped
   */
  push(partedMs: number, frameMs: number): number | undefined {
    if (this.#isFinal || partedMs > MAX_STEP_MS || partedMs < -MAX_STEP_MS) {
      return undefined;
    }
    this.#driftMs += partedMs;
    this.#drifts.push(this.#driftMs);
    const isBeginning = this.#drifts.length <= LEVEL_SAMPLES;
    if (!isBeginning) {
      this.#drifts.shift();
    }
    const moreMs = Math.max(0, -Math.max(...this.#drifts) - this.earlierMs);
    this.earlierMs += moreMs;
    const isFast = (isBeginning ? -partedMs : moreMs) > frameMs / 2;
    this.#calmMs = isFast ? 0 : this.#calmMs + frameMs;
    this.#calmSamples = isFast ? 0 : this.#calmSamples + 1;
    const isCalm = this.#calmMs >= CALM_MS && this.#calmSamples >= LEVEL_SAMPLES;
    this.isInBurst = isFast || (this.isInBurst && !isCalm);
    return moreMs;
  }
}
