import type { RtpPackets } from '../../../stream/rtp-packets.ts';
import type { SecureLink } from '../link/session-media.ts';
import { type Batch, MAX_BATCH, type OutboundTrack, packets, type SrtpSender } from '../srtp/srtp.ts';
import { createSrtpSender } from '../srtp/srtp-sender.ts';

class PacketBatch implements Batch {
  count = 0;
  readonly tracks: OutboundTrack[] = [];
  readonly timestamps = new Uint32Array(MAX_BATCH);
  readonly markers = new Uint8Array(MAX_BATCH);
  readonly payloadBytes = new Uint16Array(MAX_BATCH);
  readonly sourceWords = new Uint32Array(MAX_BATCH);

  /** @param source of the payloads @returns bytes sent */
  send({ transport }: SecureLink, srtp: SrtpSender, source: Uint32Array): number {
    srtp.protect(this, source);
    transport.sendPackets(packets, this.count);
    let bytes = 0;
    for (let i = 0; i < this.count; i += 1) {
      bytes += packets.lengths[i] as number;
    }
    return bytes;
  }
}

/** Batch shared by all viewers: filled and sent within one call. */
export const batch = new PacketBatch();

/** Encrypts packets with a viewer's keys and sends them in batches. */
export class SrtpBatchSender {
  /** Bytes and packets sent, without RTCP, which the session counts. */
  bytes = 0;
  packets = 0;
  readonly srtp: SrtpSender;
  readonly #link: SecureLink;
  readonly #onSent: (bytes: number) => void;

  constructor(link: SecureLink, onSent: (bytes: number) => void) {
    this.#link = link;
    this.#onSent = onSent;
    this.srtp = createSrtpSender(link.keys);
  }

  /** Starts a batch, which must be filled and sent within the same call. */
  begin(): void {
    batch.count = 0;
  }

  /**
   * @param timestamp RTP time before the track's offset
   * @returns whether the batch is full and must be sent
   */
  add(source: RtpPackets, packet: number, track: OutboundTrack, timestamp: number): boolean {
    const at = batch.count;
    batch.tracks[at] = track;
    batch.timestamps[at] = timestamp;
    batch.markers[at] = source.markerOf(packet);
    batch.payloadBytes[at] = source.payloadBytesOf(packet);
    batch.sourceWords[at] = source.wordOf(packet);
    batch.count += 1;
    return batch.count === MAX_BATCH;
  }

  /** Sends the batch and starts another. */
  send(source: RtpPackets): void {
    const { count } = batch;
    if (count === 0) {
      return;
    }
    const bytes = batch.send(this.#link, this.srtp, source.words);
    if (this.packets === 0) {
      // The viewer would never notice the loss of its first packet: it is sent twice, and the second one is dropped as
      // a replay.
      this.#link.transport.sendPackets(packets, 1);
    }
    batch.count = 0;
    this.packets += count;
    this.bytes += bytes;
    this.#onSent(bytes);
  }
}
