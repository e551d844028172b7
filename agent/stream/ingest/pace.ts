/** Decay of a surplus or deficit, so that a sender with a slightly fast clock never builds one up. */
const LEAK = 0.01;
/**
 * Decay near the limit, where the sender is probably being throttled. Capture times can follow a shift of this speed without a step
 * (`Timeline`).
 */
const SLOW_LEAK = 200e-6;
const SLOW_LEAK_FROM_MS = 1_500;
/** A track without a packet among this many has stopped, or has a single picture. */
const RECENT_PACKETS = 256;

/** How far the media time of one track is ahead of real time since its start. */
export class TrackPace {
  #surplusMs = 0;
  #mediaMs = Number.NaN;
  #atMs = 0;

  /** @param mediaMs media time of the newest packet, without jumps @param nowMs monotonic */
  push(mediaMs: number, nowMs: number): void {
    if (mediaMs === this.#mediaMs) {
      return;
    }
    // A deficit is kept as well, because a late sender catches up.
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

interface PacedTrack {
  readonly pace: TrackPace;
  /** Number of its last packet among those of all tracks. */
  last: number;
}

/** The pace of a sender is that of its slowest active track: a single fast track has wrong timestamps. */
export class SenderPace {
  readonly #tracks: PacedTrack[];
  #packets = 0;

  constructor(tracks: number) {
    this.#tracks = Array.from({ length: tracks }, () => ({ pace: new TrackPace(), last: -RECENT_PACKETS }));
  }

  /** Called for each packet. @returns whether all active tracks are ahead by more than `limitMs` */
  push(track: number, mediaMs: number, nowMs: number, limitMs: number): boolean {
    const paced = this.#tracks[track] as PacedTrack;
    paced.pace.push(mediaMs, nowMs);
    paced.last = this.#packets;
    this.#packets += 1;
    return paced.pace.surplusMs(nowMs) > limitMs && this.surplusMs(nowMs) > limitMs;
  }

  surplusMs(nowMs: number): number {
    let minMs = Number.POSITIVE_INFINITY;
    for (const { pace, last } of this.#tracks) {
      if (this.#packets - last <= RECENT_PACKETS) {
        minMs = Math.min(minMs, pace.surplusMs(nowMs));
      }
    }
    return minMs;
  }
}
