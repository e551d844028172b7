import { PerchError } from '../../../base/errors.ts';
import type { MikeyMessage } from '../../../media/mikey/message.ts';
import { parseRtcp, type RtcpSink } from '../../../media/rtcp/parse.ts';
import type { InterleavedPackets } from '../../../stream/interleaved-packets.ts';
import { MediaDecryptor } from '../../../transports/webrtc/srtp/media-decryptor.ts';
import { NOTHING_RECEIVED, type ReceiveCounts } from './media-plane.ts';

export class ReaderReports implements RtcpSink {
  /** Monotonic time of the last packet; 0: none. */
  lastReceivedMs = 0;
  readonly #packets: InterleavedPackets;
  /** Lost packets by track. */
  readonly #lost: Int32Array;
  /** SRTCP decryptors by track; empty: plain RTP. */
  readonly #decryptors: (MediaDecryptor | undefined)[] = [];
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

  get received(): ReceiveCounts {
    return { ...NOTHING_RECEIVED, bytes: this.#bytes, rtcpPackets: this.#count, rtcpInError: this.#bad };
  }

  /** @param key of the reader's packets for the track */
  decrypt(track: number, key: MikeyMessage): void {
    this.#decryptors[track] = new MediaDecryptor(key);
  }

  /** One SRTCP packet, valid during the call only; it is decrypted in place. @param nowMs monotonic */
  takeSecure(packet: Buffer, track: number, nowMs: number): void {
    const decryptor = this.#decryptors[track];
    if (!decryptor) {
      return;
    }
    const plain = decryptor.rtcp(packet, 0, packet.length);
    if (plain) {
      this.take(plain, nowMs);
    } else {
      this.#bad += 1;
    }
  }

  /** One SRTCP packet to a group, which other readers may have sent. @param nowMs monotonic */
  takeFromGroup(packet: Buffer, nowMs: number): void {
    for (const decryptor of this.#decryptors) {
      const plain = decryptor?.rtcp(Buffer.from(packet), 0, packet.length);
      if (plain) {
        this.take(plain, nowMs);
        return;
      }
    }
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
