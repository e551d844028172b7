/** What is counted since the session began. */
interface Counted {
  readonly frames: number;
  readonly delayS: number;
}

/** As W3C "Identifiers for WebRTC's Statistics API" names them, of what is used here. */
interface Stats {
  readonly type: string;
  readonly kind?: string;
  readonly framesDecoded?: number;
  readonly totalProcessingDelay?: number;
  readonly selectedCandidatePairId?: string;
  readonly currentRoundTripTime?: number;
}
export type Report = ReadonlyMap<string, Stats>;

/**
 * How far a picture that comes by WebRTC is behind the box: half a round trip, and what a frame takes here from its first packet
 * until it is decoded, the wait in the jitter buffer included.
 */
export class WebRtcLag {
  #before: Counted = { frames: 0, delayS: 0 };

  /** @returns of the frames since the last look, milliseconds; undefined: none came, or the browser does not count that */
  look(report: Report): number | undefined {
    const all = [...report.values()];
    const video = all.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
    const pairId = all.find(({ selectedCandidatePairId }) => selectedCandidatePairId)?.selectedCandidatePairId ?? '';
    const { framesDecoded: frames, totalProcessingDelay: delayS } = video ?? {};
    if (frames === undefined || delayS === undefined) {
      return undefined;
    }
    // Another session counts anew.
    const before = frames < this.#before.frames ? { frames: 0, delayS: 0 } : this.#before;
    this.#before = { frames, delayS };
    const tripS = report.get(pairId)?.currentRoundTripTime ?? 0;
    const count = frames - before.frames;
    return count > 0 ? Math.max(0, ((delayS - before.delayS) / count + tripS / 2) * 1000) : undefined;
  }
}
