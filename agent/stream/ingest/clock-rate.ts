/** Length of a window; the least lags of windows are compared. */
const WINDOW_MS = 1_000;
/** Sizes of the groups that are compared, in windows; four groups of each size. Small errors need long groups. */
const GROUP_WINDOWS = [1, 2, 4, 8, 16];
const GROUPS = 4;
const KEPT_WINDOWS = GROUPS * 16;
/** From one window to the next the lag must change by at least this, and each time by the same, within `MAX_SPREAD`. */
const MIN_GROWTH_MS = 120;
/** The least growth between groups of more than one window: a network that becomes slower also causes smaller ones. */
const MIN_SLOW_GROWTH_MS = 334;
const MAX_SPREAD = 0.25;
/** If the lag grows by more than this share of the time without reaching `GROSS`, the network carries only part of the stream. */
const MAX_SLOW_SHARE = 0.25;
/** If packets leave a smaller share of the time idle, the lag comes from the network, not from the clock. */
const MIN_IDLE_SHARE = 0.5;
/** A clock wrong by this factor is detected after `GROSS_STEPS` timestamps in a row. */
const GROSS = 8;
const GROSS_STEPS = 8;
/** A clock counts as too fast only after this long: small pictures delayed by the network or cached by the camera arrive as fast for less. */
const MIN_GROSS_FAST_MS = 1_000;
/** Clock rates that cameras use in place of the announced one, in Hz. A measured rate within `SNAP_SHARE` of one is taken as that one. */
const LIKELY_RATES = [1_000, 8_000, 16_000, 44_100, 48_000, 90_000, 1_000_000];
const SNAP_SHARE = 0.35;
/** A clock known to be wrong is measured again with two groups of this many windows. */
const REFINE_WINDOWS = 8;
/** A factor this close to 1 is correct. */
const RIGHT_SHARE = 0.002;

/**
 * Finds out that a camera's RTP clock does not run at the announced rate, by the arrival of its timestamps. The least lag of each
 * second is free of jitter; a wrong clock makes it grow by the same amount each second, which stalls, bursts, pauses and jumps do not.
 * A camera whose clock is right, or nearly so, keeps the factor 1 exactly.
 */
export class ClockRate {
  /** Ticks of the announced rate for one tick of the camera. */
  factor = 1;
  readonly #announcedHz: number;
  /** Least lag of each window, oldest first, and the time without packets in it. */
  readonly #lags: number[] = [];
  readonly #idles: number[] = [];
  #windowEndMs = Number.NaN;
  #minMs = Number.POSITIVE_INFINITY;
  #idleMs = 0;
  #windowsSinceChange = 0;
  // The run of steps that are all far too small, or all far too large.
  #lastMs = Number.NaN;
  #lastTicks = 0;
  #stepIdleMs = 0;
  #run = 0;
  #runMs = 0;
  #runTicks = 0;
  #runIdleMs = 0;

  constructor(announcedHz: number) {
    this.#announcedHz = announcedHz;
  }

  /**
   * A new timestamp, later than all before.
   * @param ticks of the camera's clock, unwrapped
   * @param atMs monotonic time of arrival
   * @param idleMs time since the last packet
   * @returns whether the factor has changed
   */
  push(ticks: number, atMs: number, idleMs: number): boolean {
    const isGross = this.#pushStep(ticks, atMs, idleMs);
    if (Number.isNaN(this.#windowEndMs)) {
      this.#windowEndMs = atMs + WINDOW_MS;
    }
    let hasChanged = isGross;
    while (atMs >= this.#windowEndMs && !hasChanged) {
      hasChanged = this.#endWindow();
    }
    this.#minMs = Math.min(this.#minMs, atMs - (ticks * this.factor * 1000) / this.#announcedHz);
    this.#idleMs += idleMs;
    return hasChanged;
  }

  #pushStep(ticks: number, atMs: number, idleMs: number): boolean {
    const stepMs = atMs - this.#lastMs;
    this.#stepIdleMs += idleMs;
    if (stepMs < 5) {
      // Packets that arrive together are one step.
      return false;
    }
    const stepTicks = ticks - this.#lastTicks;
    this.#lastMs = atMs;
    this.#lastTicks = ticks;
    const stepIdleMs = this.#stepIdleMs;
    this.#stepIdleMs = 0;
    const share = (stepTicks * this.factor * 1000) / this.#announcedHz / stepMs;
    const isGross = stepMs <= 1_000 && (share < 1 / GROSS || share > GROSS);
    // The sums of the run show whether its steps are too large or too small; a step of the other kind ends the run.
    const isSame =
      this.#run === 0 || share > 1 === this.#runTicks * 1000 * this.factor > this.#runMs * this.#announcedHz;
    if (!isGross || !isSame) {
      this.#run = 0;
      this.#runMs = 0;
      this.#runTicks = 0;
      this.#runIdleMs = 0;
      return false;
    }
    this.#run += 1;
    this.#runMs += stepMs;
    this.#runTicks += stepTicks;
    this.#runIdleMs += stepIdleMs;
    const minMs = share > 1 ? MIN_GROSS_FAST_MS : 0;
    if (this.#run < GROSS_STEPS || this.#runMs < minMs || this.#runIdleMs < MIN_IDLE_SHARE * this.#runMs) {
      return false;
    }
    const measuredHz = (this.#runTicks * 1000) / this.#runMs;
    const likelyHz = LIKELY_RATES.reduce((best, rate) =>
      apart(rate, measuredHz) < apart(best, measuredHz) ? rate : best,
    );
    return this.#change(this.#announcedHz / (apart(likelyHz, measuredHz) <= SNAP_SHARE ? likelyHz : measuredHz));
  }

  #endWindow(): boolean {
    this.#windowEndMs += WINDOW_MS;
    this.#lags.push(this.#minMs);
    this.#idles.push(this.#idleMs);
    if (this.#lags.length > KEPT_WINDOWS) {
      this.#lags.shift();
      this.#idles.shift();
    }
    this.#minMs = Number.POSITIVE_INFINITY;
    this.#idleMs = 0;
    this.#windowsSinceChange += 1;
    for (const windows of GROUP_WINDOWS) {
      const growthMs = this.#steadyGrowthMs(windows);
      if (growthMs !== 0) {
        return this.#change(this.factor / (1 - growthMs / (windows * WINDOW_MS)));
      }
    }
    return this.factor !== 1 && this.#windowsSinceChange % REFINE_WINDOWS === 0 && this.#refine();
  }

  /** How much the lag changes from one group to the next, in milliseconds; 0 where that is little or not steady. */
  #steadyGrowthMs(windows: number): number {
    const first = this.#lags.length - GROUPS * windows;
    if (first < 0) {
      return 0;
    }
    const start = this.#minFrom(first, windows);
    const meanMs = (this.#minFrom(first + (GROUPS - 1) * windows, windows) - start) / (GROUPS - 1);
    const minMs = windows === 1 ? MIN_GROWTH_MS : MIN_SLOW_GROWTH_MS;
    if (!(Math.abs(meanMs) >= minMs) || meanMs > MAX_SLOW_SHARE * windows * WINDOW_MS) {
      return 0;
    }
    let idleMs = 0;
    let before = start;
    for (let group = 1; group < GROUPS; group += 1) {
      const lagMs = this.#minFrom(first + group * windows, windows);
      if (!(Math.abs(lagMs - before - meanMs) <= MAX_SPREAD * Math.abs(meanMs))) {
        return 0;
      }
      before = lagMs;
    }
    for (let i = first; i < this.#idles.length; i += 1) {
      idleMs += this.#idles[i] as number;
    }
    return idleMs >= MIN_IDLE_SHARE * GROUPS * windows * WINDOW_MS ? meanMs : 0;
  }

  /** A clock that is known to be wrong is followed more closely than one that is not. */
  #refine(): boolean {
    const first = this.#lags.length - 2 * REFINE_WINDOWS;
    const growthMs =
      first < 0 ? 0 : this.#minFrom(first + REFINE_WINDOWS, REFINE_WINDOWS) - this.#minFrom(first, REFINE_WINDOWS);
    const isSmall = Math.abs(growthMs) < 1_000;
    return isSmall && growthMs !== 0 && this.#change(this.factor / (1 - growthMs / (REFINE_WINDOWS * WINDOW_MS)));
  }

  #minFrom(first: number, windows: number): number {
    let minMs = Number.POSITIVE_INFINITY;
    for (let i = first; i < first + windows; i += 1) {
      minMs = Math.min(minMs, this.#lags[i] as number);
    }
    return minMs;
  }

  /** Lags measured with the former factor are dropped. */
  #change(factor: number): boolean {
    this.factor = Math.abs(factor - 1) < RIGHT_SHARE ? 1 : factor;
    this.#lags.length = 0;
    this.#idles.length = 0;
    this.#minMs = Number.POSITIVE_INFINITY;
    this.#idleMs = 0;
    this.#windowEndMs = this.#lastMs + WINDOW_MS;
    this.#windowsSinceChange = 0;
    this.#run = 0;
    this.#runMs = 0;
    this.#runTicks = 0;
    this.#runIdleMs = 0;
    return true;
  }
}

const apart = (rateHz: number, measuredHz: number): number => Math.abs(measuredHz / rateHz - 1);
