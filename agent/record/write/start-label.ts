/** A step further back than this is no burst: a clock has jumped. */
const MAX_STEP_MS = 5_000;
/** A burst is over after this much media, and `LEVEL_SAMPLES`, at normal speed: the network or this machine may pause within it. */
const CALM_MS = 500;
/** The reordering of B-frames moves capture times back and forth within this many samples. */
const LEVEL_SAMPLES = 4;

/**
 * The capture time of a file's first sample. A camera may begin with a burst of what it has kept. A sample cannot arrive before it is
 * captured, so each sample that comes faster than real time shows that the first one is older than was assumed. The label is final
 * with the first part, which waits for the end of the burst.
 */
export class StartLabel {
  /** How much older the first sample is than was assumed, in milliseconds. */
  earlierMs = 0;
  isInBurst = false;
  #isFinal = false;
  #calmMs = 0;
  #calmSamples = 0;
  /** Capture time minus media time of the last samples, relative to the first sample. */
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
   * @returns how much `earlierMs` has grown; undefined: the label is final, or a clock has jumped
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
