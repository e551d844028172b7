/** A larger step back means a clock has jumped. */
const MAX_STEP_MS = 5_000;
/** A burst may have pauses: it is over after this much media, and at least `LEVEL_SAMPLES`, at normal speed. */
const CALM_MS = 500;
/** B-frame reordering moves capture times within this many samples. */
const LEVEL_SAMPLES = 4;

/**
 * Corrects the capture time of a file's first sample. A camera may start with a burst of cached media, but samples cannot arrive before
 * their capture: each one that is faster than real time shows that the first one is older than assumed. The label is final when the first
 * part is written, after the end of the burst.
 */
export class StartLabel {
  /** How much older the first sample is than assumed, in ms. */
  earlierMs = 0;
  isInBurst = false;
  #isFinal = false;
  #calmMs = 0;
  #calmSamples = 0;
  /** Capture time minus media time of the latest samples, relative to the first. */
  #drifts: number[] = [0];
  #driftMs = 0;

  /** @returns whether it was not final before */
  finish(): boolean {
    const isNew = !this.#isFinal;
    this.isInBurst = false;
    this.#isFinal = true;
    return isNew;
  }

  /**
   * The next sample of the leading track.
   * @param partedMs capture time minus media time since the previous one
   * @param frameMs decode time since the previous one
   * @returns increase of `earlierMs`, or undefined if the label is final, or a clock has jumped
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
    let highestMs = this.#driftMs;
    for (const driftMs of this.#drifts) {
      highestMs = Math.max(highestMs, driftMs);
    }
    const moreMs = Math.max(0, -highestMs - this.earlierMs);
    this.earlierMs += moreMs;
    const isFast = (isBeginning ? -partedMs : moreMs) > frameMs / 2;
    this.#calmMs = isFast ? 0 : this.#calmMs + frameMs;
    this.#calmSamples = isFast ? 0 : this.#calmSamples + 1;
    const isCalm = this.#calmMs >= CALM_MS && this.#calmSamples >= LEVEL_SAMPLES;
    this.isInBurst = isFast || (this.isInBurst && !isCalm);
    return moreMs;
  }
}
