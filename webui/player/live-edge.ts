/** What comes more evenly than this is not noticed. */
const SHORTEST_TARGET_S = 0.12;
const LONGEST_TARGET_S = 1.5;
/** Room for what arrives a little later than ever before. */
const SPARE_S = 0.08;
/** A picture, or two. */
const NOTHING_S = 0.04;
/** How long a late arrival is remembered, at least. */
const MEMORY_MS = 4_000;
const STUMBLE_S = 0.08;
const MOST_STUMBLES = 5;
const STUMBLE_MEMORY_MS = 20_000;

/** Farther behind than this it jumps. */
const JUMP_S = 3;
/** How much faster it goes with how much too much, the most first. */
const RATES: readonly (readonly [aboveS: number, rate: number])[] = [
  [1, 1.25],
  [0.3, 1.1],
  [0.08, 1.05],
];
const CAUGHT_UP_S = 0.02;

export type Steering = { readonly seekToS: number } | { readonly rate: number };

/**
 * Keeps a picture close behind live without stumbling: as much stays buffered as the longest pause between two arrivals lately,
 * and a little more; what is buffered beyond that is played a little faster, or jumped over when it is far too much.
 */
export class LiveEdge {
  #arrivedMs: number | undefined;
  #endS = 0;
  /** The longest pause of this stretch of time and of the one before it. */
  #longestS = 0;
  #formerS = 0;
  #stretchMs = 0;
  #stumbles = 0;
  #stumbledMs = 0;
  #rate = 1;

  get targetS(): number {
    const pauseS = Math.max(this.#longestS, this.#formerS);
    const wantedS = pauseS + SPARE_S + this.#stumbles * STUMBLE_S;
    return Math.min(LONGEST_TARGET_S, Math.max(SHORTEST_TARGET_S, wantedS));
  }

  /** More is buffered: up to `endS`, in media time. */
  onArrival(endS: number, nowMs: number): void {
    if (endS <= this.#endS) {
      return;
    }
    this.#endS = endS;
    if (this.#arrivedMs !== undefined) {
      this.#longestS = Math.max(this.#longestS, (nowMs - this.#arrivedMs) / 1000);
    }
    this.#arrivedMs = nowMs;
    if (nowMs - this.#stretchMs >= MEMORY_MS) {
      this.#stretchMs = nowMs;
      this.#formerS = this.#longestS;
      this.#longestS = 0;
    }
    if (this.#stumbles > 0 && nowMs - this.#stumbledMs >= STUMBLE_MEMORY_MS) {
      this.#stumbles -= 1;
      this.#stumbledMs = nowMs;
    }
  }

  /** It ran dry while it played. */
  onStumble(nowMs: number): void {
    this.#stumbles = Math.min(MOST_STUMBLES, this.#stumbles + 1);
    this.#stumbledMs = nowMs;
  }

  /** @param ranges of media time that are buffered, oldest first */
  steer(positionS: number, ranges: readonly (readonly [startS: number, endS: number])[]): Steering {
    const [newestStartS, endS] = ranges.at(-1) ?? [positionS, positionS];
    const aheadS = endS - positionS;
    const next = ranges.find(([startS]) => startS > positionS);
    const here = ranges.find(([startS, stopS]) => startS <= positionS && positionS < stopS);
    const isAtGap = next !== undefined && (here === undefined || here[1] - positionS < NOTHING_S);
    if (aheadS > JUMP_S + this.targetS || aheadS < -NOTHING_S) {
      return this.#jump(Math.max(newestStartS, endS - this.targetS));
    }
    if (isAtGap) {
      return this.#jump(next[0]);
    }
    const overS = aheadS - this.targetS;
    const [, rate] = RATES.find(([aboveS]) => overS > aboveS) ?? [
      0,
      overS < CAUGHT_UP_S ? 1 : Math.min(this.#rate, 1.05),
    ];
    this.#rate = rate;
    return { rate: this.#rate };
  }

  #jump(seekToS: number): Steering {
    this.#rate = 1;
    return { seekToS };
  }
}
