import { PerchError } from '../../../base/errors.ts';
import { parseRtcp, type RtcpSink } from '../../../media/rtcp/parse.ts';
import type { InterleavedPackets } from '../../../stream/interleaved-packets.ts';
import { NOTHING_RECEIVED, type Received } from './media-plane.ts';

export class ReaderReports implements RtcpSink {
  /** Monotonic time of the last packet; 0: none. */
  lastReceivedMs = 0;
  readonly #packets: InterleavedPackets;
  /** By track. */
  readonly #lost: Int32Array;
  #bytes = 0;
  #count = 0;
  #bad = 0;

  constructor(packets: InterleavedPackets) {
    this.#packets = packets;
    this.#lost = new Int32Array(packets.stream.tracks.length);
  }

  get lost(): number {
    return this.#lost.reduce((sum, lost) => sum + Math.max(0, lost), 0);
  }

  get received(): Received {
    return { ...NOTHING_RECEIVED, bytes: this.#bytes, rtcpPackets: this.#count, rtcpInError: this.#bad };
  }

  /** One RTCP packet, valid during the call only. @param nowMs monotonic */
  take(packet: Uint8Array, nowMs: number): void {
    this.lastReceivedMs = nowMs;
    this.#bytes += packet.length;
    this.#count += 1;
    try {
      parseRtcp(packet, 0, packet.length, this);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#bad += 1;
    }
  }

  onReception(ssrc: number, lost: number): void {
    for (let track = 0; track < this.#lost.length; track += 1) {
      if (this.#packets.ssrcOf(track) === ssrc) {
        this.#lost[track] = lost;
      }
    }
  }

  onSenderReport(): void {}

  onBye(): void {}
}
