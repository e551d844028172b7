/** Margin for later arrivals, decoders and stretched audio. */
const MARGIN_S = 0.14;
/** One or two frames. */
const NOTHING_S = 0.04;
/** How long a late arrival counts: at least a group of pictures, because key frames are the large ones. */
const MEMORY_MS = 4_000;
const STALL_MARGIN_S = 0.08;
const STALL_MEMORY_MS = 20_000;

/** Farther behind live it seeks. */
const JUMP_S = 3;
/** Playback rates by deviation, the largest first; smaller deviations are ignored. */
const FASTER: readonly (readonly [aboveS: number, rate: number])[] = [
  [1, 1.25],
  [0.3, 1.1],
  [0.12, 1.05],
];
const SLOWER: readonly (readonly [belowS: number, rate: number])[] = [
  [-0.2, 0.9],
  [-0.06, 0.95],
];
/** A rate is kept until the deviation is this small. */
const TARGET_TOLERANCE_S = 0.01;

/**
 * Stretched audio needs more buffer: Chromium stuttered with 0.2 s, only because of stretching. Closer to live the rate
 * stays 1.
 */
const MIN_STRETCH_BUFFER_S = 0.3;

export type PlaybackCorrection = { readonly seekToS: number } | { readonly rate: number };

/**
 * Keeps playback close to live without stalls: at the time at which the latest recent arrival would have been just in
 * time, plus a margin. The rate moves it there before a stall would.
 */
export class LiveEdgeController {
  hasSound = false;
  #endS: number | undefined;
  /** Latest arrival of the present and the last period: clock minus media time, in seconds. */
  #latestS = Number.NEGATIVE_INFINITY;
  #formerS = Number.NEGATIVE_INFINITY;
  #stretchMs = 0;
  #memoryMs = MEMORY_MS;
  #keyMs: number | undefined;
  #stalls = 0;
  #stalledMs = 0;
  #rate = 1;

  /** Buffered up to `endS`, in media time. Not called for the burst at the start. */
  onArrival(endS: number, nowMs: number): void {
    if (this.#endS === undefined) {
      this.#stretchMs = nowMs;
    } else if (endS > this.#endS) {
      // The new data were needed when playback would have reached the former end of the buffer.
      this.#latestS = Math.max(this.#latestS, nowMs / 1000 - this.#endS);
    } else {
      return;
    }
    this.#endS = endS;
    if (nowMs - this.#stretchMs >= this.#memoryMs) {
      this.#stretchMs = nowMs;
      this.#formerS = this.#latestS;
      this.#latestS = Number.NEGATIVE_INFINITY;
    }
    if (this.#stalls > 0 && nowMs - this.#stalledMs >= STALL_MEMORY_MS) {
      this.#stalls -= 1;
      this.#stalledMs = nowMs;
    }
  }

  /** A group of pictures starts. */
  onKey(nowMs: number): void {
    const groupMs = nowMs - (this.#keyMs ?? nowMs);
    this.#keyMs = nowMs;
    this.#memoryMs = Math.min(12_000, Math.max(MEMORY_MS, groupMs * 1.2));
  }

  /** A stall with this much buffered. With an empty buffer, the next arrival tells how late it was. */
  onStall(inHandS: number, nowMs: number): void {
    if (inHandS > NOTHING_S) {
      this.#stalls = Math.min(5, this.#stalls + 1);
      this.#stalledMs = nowMs;
    }
  }

  /** @param ranges buffered media time, oldest first */
  steer(
    positionS: number,
    ranges: readonly (readonly [startS: number, endS: number])[],
    nowMs: number,
  ): PlaybackCorrection {
    const [newestStartS, endS] = ranges.at(-1) ?? [positionS, positionS];
    const next = ranges.find(([startS]) => startS > positionS);
    const here = ranges.find(([startS, stopS]) => startS <= positionS && positionS < stopS);
    const isAtGap = next !== undefined && (here === undefined || here[1] - positionS < NOTHING_S);
    const wantedS = this.#wantedS(endS, nowMs);
    const behindS = wantedS - positionS;
    if (behindS > JUMP_S || positionS - endS > NOTHING_S) {
      return this.#jump(Math.max(newestStartS, wantedS));
    }
    if (isAtGap) {
      return this.#jump(next[0]);
    }
    this.#rate = this.#rateFor(behindS, endS - positionS);
    return { rate: this.#rate };
  }

  /** Target position. An arrival that is overdue counts as late already. */
  #wantedS(endS: number, nowMs: number): number {
    const nowS = nowMs / 1000;
    const latestS = Math.max(this.#latestS, this.#formerS, nowS - endS);
    // Upper bound of the margin.
    return Math.max(endS - 1.5, nowS - latestS - MARGIN_S - this.#stalls * STALL_MARGIN_S);
  }

  #rateFor(behindS: number, inHandS: number): number {
    if (this.hasSound && inHandS < MIN_STRETCH_BUFFER_S) {
      return 1;
    }
    const [, rate] = FASTER.find(([aboveS]) => behindS > aboveS) ?? SLOWER.find(([belowS]) => behindS < belowS) ?? [];
    if (rate !== undefined) {
      return rate;
    }
    if (this.#rate > 1) {
      return behindS > TARGET_TOLERANCE_S ? Math.min(this.#rate, 1.05) : 1;
    }
    return behindS < -TARGET_TOLERANCE_S ? Math.max(this.#rate, 0.95) : 1;
  }

  #jump(seekToS: number): PlaybackCorrection {
    this.#rate = 1;
    return { seekToS };
  }
}
