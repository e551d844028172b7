import type { SenderInfo } from '../../media/rtcp/parse.ts';
import { writeReceiverReport } from '../../media/rtcp/write.ts';
import { SequenceTracker } from '../../media/rtp/sequence.ts';

/** CNAME of Perch's reports to the sender (RFC 3550 §6.5.1). */
export const RECEIVER_CNAME = 'perch';
/** A larger step between two packets' delays is a jump of the sender's timestamps, not jitter. */
const MAX_JITTER_MS = 10_000;

/** Interarrival jitter, RFC 3550 appendix A.8, by the first packet of each sample: the others share its timestamp, and their delay would count as jitter. */
class Jitter {
  /** RTP timestamp of the last packet with a new one; -1: none to compare with. */
  #timestamp = -1;
  #transitTicks = 0;
  #sixteenths = 0;

  get ticks(): number {
    return this.#sixteenths >> 4;
  }

  /** The next timestamp is of another clock. */
  restart(): void {
    this.#timestamp = -1;
  }

  push(timestamp: number, atMs: number, clockRate: number): void {
    if (timestamp === this.#timestamp) {
      return;
    }
    // `| 0`: differences are modulo 2^32.
    const transitTicks = (((atMs * clockRate) / 1000) | 0) - timestamp;
    if (this.#timestamp >= 0) {
      const step = Math.abs((transitTicks - this.#transitTicks) | 0);
      if (step * 1000 <= MAX_JITTER_MS * clockRate) {
        this.#sixteenths += step - ((this.#sixteenths + 8) >> 4);
      }
    }
    this.#timestamp = timestamp;
    this.#transitTicks = transitTicks;
  }
}

/** How the packets of a track arrive: what receiver reports tell its sender, RFC 3550 §6.4.2. */
export class Reception {
  packets = 0;
  /** Packets that are not RTP of the track's formats. */
  badPackets = 0;
  controlPackets = 0;
  /** Packets that are not RTCP. */
  badControlPackets = 0;
  readonly sequence = new SequenceTracker();
  readonly jitter = new Jitter();
  /** A sender report of the track's own SSRC has arrived. */
  #hasOwnReport = false;
  #senderReport = 0;
  #senderReportAtMs = 0;
  /** As of the last receiver report. */
  #expectedBefore = 0;
  #lostBefore = 0;

  /**
   * A sender report. Also takes those of unknown SSRCs before one of the track's: the channel belongs to it, and Tapo and Hanwha confuse
   * the SSRCs.
   * @returns whether it is the track's
   */
  takesReport(info: SenderInfo, ssrc: number, atMs: number): boolean {
    const isOwn = info.ssrc === ssrc;
    if (this.#hasOwnReport && !isOwn) {
      return false;
    }
    this.#hasOwnReport = isOwn;
    this.#senderReport = info.ntpMiddle;
    this.#senderReportAtMs = atMs;
    return true;
  }

  /**
   * @param ssrc of the reporter; @param sourceSsrc of the sender
   * @param repaired lost packets so far that were retransmitted in another stream: they count as lost
   */
  report(ssrc: number, sourceSsrc: number, repaired: number, nowMs: number): Uint8Array {
    const { sequence } = this;
    const expected = Math.max(0, sequence.expected - this.#expectedBefore);
    const lostInAll = sequence.lost + repaired;
    const lost = lostInAll - this.#lostBefore;
    this.#expectedBefore = sequence.expected;
    this.#lostBefore = lostInAll;
    const report = {
      ssrc,
      sourceSsrc,
      fractionLost: expected > 0 ? Math.min(1, lost / expected) : 0,
      lost: lostInAll,
      highest: sequence.highest,
      jitterTicks: this.jitter.ticks,
      lastReport: this.#senderReport,
      sinceLastReportMs: nowMs - this.#senderReportAtMs,
    };
    return writeReceiverReport(report, RECEIVER_CNAME);
  }
}
