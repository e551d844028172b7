/** Room for what arrives a little later than ever before, and for what decoders and stretched sound need beside. */
const MARGIN_S = 0.14;
/** More is never held, whatever a camera does. */
const MAX_S = 1.5;
/** A picture, or two. */
const NOTHING_S = 0.04;
/** How long a late arrival is remembered: as long as a group where that is longer, as key pictures are the large ones. */
const MEMORY_MS = 4_000;
const MAX_MEMORY_MS = 12_000;
const STUMBLE_S = 0.08;
const MAX_STUMBLES = 5;
const STUMBLE_MEMORY_MS = 20_000;

/** Farther behind than this it jumps. */
const JUMP_S = 3;
/** How much faster or slower it goes with how much too much or too little, the farthest first; within that it lets things be. */
const FASTER: readonly (readonly [aboveS: number, rate: number])[] = [
  [1, 1.25],
  [0.3, 1.1],
  [0.12, 1.05],
];
const SLOWER: readonly (readonly [belowS: number, rate: number])[] = [
  [-0.2, 0.9],
  [-0.06, 0.95],
];
/** A rate that it has holds until it is so near. */
const THERE_S = 0.01;

/**
 * Sound that is to be stretched needs more in hand than the same sound as it is: Chromium stumbled with 0.2 s, and for that alone.
 * So near live one plays at the camera's own pace.
 */
const STRETCHES_WITH_S = 0.3;

export type PlaybackCorrection = { readonly seekToS: number } | { readonly rate: number };

/**
 * Keeps a picture close behind live without stumbling: where the latest arrival of late would have come just in time, and a little
 * before that. It goes there a little faster or slower than the camera: what waits for a stall to fall back has stumbled already.
 */
export class LiveEdgeController {
  hasSound = false;
  #endS: number | undefined;
  /** The latest arrival of this stretch of time and of the one before it: clock less media time, in seconds. */
  #latestS = Number.NEGATIVE_INFINITY;
  #formerS = Number.NEGATIVE_INFINITY;
  #stretchMs = 0;
  #memoryMs = MEMORY_MS;
  #keyMs: number | undefined;
  #stumbles = 0;
  #stumbledMs = 0;
  #rate = 1;

  /** More is buffered: up to `endS`, in media time. Not to be told of what comes at once at the beginning. */
  onArrival(endS: number, nowMs: number): void {
    if (this.#endS === undefined) {
      this.#stretchMs = nowMs;
    } else if (endS > this.#endS) {
      // So late it would have been needed: what was there before ended here.
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
    if (this.#stumbles > 0 && nowMs - this.#stumbledMs >= STUMBLE_MEMORY_MS) {
      this.#stumbles -= 1;
      this.#stumbledMs = nowMs;
    }
  }

  /** A group begins. */
  onKey(nowMs: number): void {
    const groupMs = nowMs - (this.#keyMs ?? nowMs);
    this.#keyMs = nowMs;
    this.#memoryMs = Math.min(MAX_MEMORY_MS, Math.max(MEMORY_MS, groupMs * 1.2));
  }

  /** It ran dry while it played, with so much in hand. Where that was nothing, the arrival that it waits for says how late it was. */
  onStall(inHandS: number, nowMs: number): void {
    if (inHandS > NOTHING_S) {
      this.#stumbles = Math.min(MAX_STUMBLES, this.#stumbles + 1);
      this.#stumbledMs = nowMs;
    }
  }

  /** @param ranges of media time that are buffered, oldest first */
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

  /** Where it should be. What has not come yet is late by now, too. */
  #wantedS(endS: number, nowMs: number): number {
    const nowS = nowMs / 1000;
    const latestS = Math.max(this.#latestS, this.#formerS, nowS - endS);
    return Math.max(endS - MAX_S, nowS - latestS - MARGIN_S - this.#stumbles * STUMBLE_S);
  }

  #rateFor(behindS: number, inHandS: number): number {
    if (this.hasSound && inHandS < STRETCHES_WITH_S) {
      return 1;
    }
    const [, rate] = FASTER.find(([aboveS]) => behindS > aboveS) ?? SLOWER.find(([belowS]) => behindS < belowS) ?? [];
    if (rate !== undefined) {
      return rate;
    }
    if (this.#rate > 1) {
      return behindS > THERE_S ? Math.min(this.#rate, 1.05) : 1;
    }
    return behindS < -THERE_S ? Math.max(this.#rate, 0.95) : 1;
  }

  #jump(seekToS: number): PlaybackCorrection {
    this.#rate = 1;
    return { seekToS };
  }
}
