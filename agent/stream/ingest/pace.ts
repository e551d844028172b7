/** How fast a surplus or a deficit is forgotten, so that a sender whose clock runs a little fast never has one. */
const LEAK = 0.01;
/** Near the limit a sender is probably slowed down to it: no faster than capture times follow without a step (`Timeline`). */
const SLOW_LEAK = 200e-6;
const SLOW_LEAK_FROM_MS = 1_500;
/** A track without a packet among this many has stopped, or shows one picture for a whole song. */
const RECENT_PACKETS = 256;

/** How far the media time of one track has come ahead of real time since it began. */
export class Pace {
  #surplusMs = 0;
  #mediaMs = Number.NaN;
  #atMs = 0;

  /** @param mediaMs of the newest that has come, without jumps; @param nowMs monotonic */
  push(mediaMs: number, nowMs: number): void {
    if (mediaMs === this.#mediaMs) {
      return;
    }
    // What has come late is made up for afterwards, so that a deficit is kept as well.
    this.#surplusMs = Number.isNaN(this.#mediaMs) ? 0 : this.surplusMs(nowMs) + mediaMs - this.#mediaMs;
    this.#mediaMs = mediaMs;
    this.#atMs = nowMs;
  }

  surplusMs(nowMs: number): number {
    const elapsedMs = nowMs - this.#atMs;
    const surplusMs = this.#surplusMs;
    const leakMs = elapsedMs * (surplusMs > SLOW_LEAK_FROM_MS ? SLOW_LEAK : LEAK);
    return (surplusMs > 0 ? Math.max(0, surplusMs - leakMs) : Math.min(0, surplusMs + leakMs)) - elapsedMs;
  }
}

interface TrackPace {
  readonly pace: Pace;
  /** Number of its last packet among those of all tracks. */
  last: number;
}

/** The pace of a sender: that of the slowest of its tracks that deliver. One whose timestamps alone run too fast is wrong. */
export class SenderPace {
  readonly #tracks: TrackPace[];
  #packets = 0;

  constructor(tracks: number) {
    this.#tracks = Array.from({ length: tracks }, () => ({ pace: new Pace(), last: -RECENT_PACKETS }));
  }

  /** A packet of a track has come. @returns whether all tracks that deliver are ahead by more than `limitMs` */
  push(track: number, mediaMs: number, nowMs: number, limitMs: number): boolean {
    const paced = this.#tracks[track] as TrackPace;
    paced.pace.push(mediaMs, nowMs);
    paced.last = this.#packets;
    this.#packets += 1;
    return paced.pace.surplusMs(nowMs) > limitMs && this.surplusMs(nowMs) > limitMs;
  }

  surplusMs(nowMs: number): number {
    let leastMs = Number.POSITIVE_INFINITY;
    for (const { pace, last } of this.#tracks) {
      if (this.#packets - last <= RECENT_PACKETS) {
        leastMs = Math.min(leastMs, pace.surplusMs(nowMs));
      }
    }
    return leastMs;
  }
}
