import type { RtcpSink } from './rtcp.ts';

/** What a viewer reports, as the API shows it. */
export class ViewerHealth implements RtcpSink {
  rtcpPackets = 0;
  /** Times the viewer could not go on without a key frame; it gets the next one that the camera sends. */
  pictureLosses = 0;
  /** Packets that the viewer asked to have again. */
  nacked = 0;
  /** By the viewer's own estimate; 0: it has given none. */
  estimateBitsPerSecond = 0;
  readonly #lostBySsrc = new Map<number, number>();
  readonly #jitterBySsrc = new Map<number, number>();
  readonly #clockRates: ReadonlyMap<number, number>;

  /** @param clockRates of the SSRCs that are sent; reports about others are foreign and count for nothing */
  constructor(clockRates: ReadonlyMap<number, number>) {
    this.#clockRates = clockRates;
  }

  get lost(): number {
    return [...this.#lostBySsrc.values()].reduce((sum, lost) => sum + lost, 0);
  }

  /** The worst track's. */
  get jitterSeconds(): number {
    return Math.max(0, ...this.#jitterBySsrc.values());
  }

  onReport(ssrc: number, lost: number, jitterTicks: number): void {
    const clockRate = this.#clockRates.get(ssrc);
    if (clockRate !== undefined) {
      this.#lostBySsrc.set(ssrc, Math.max(0, lost));
      this.#jitterBySsrc.set(ssrc, jitterTicks / clockRate);
    }
  }

  onPictureLoss(): void {
    this.pictureLosses += 1;
  }

  onNack(lost: number): void {
    this.nacked += lost;
  }

  onEstimate(bitsPerSecond: number): void {
    this.estimateBitsPerSecond = bitsPerSecond;
  }
}
