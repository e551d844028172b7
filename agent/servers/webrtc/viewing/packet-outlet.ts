import type { RtpPackets } from '../../../stream/rtp-packets.ts';
import type { SecureLink } from '../session/session-media.ts';
import { createSrtpSender } from '../srtp/create-srtp-sender.ts';
import { MAX_BATCH, type OutboundTrack, type SrtpSender } from '../srtp/srtp.ts';
import { batch } from './packet-batch.ts';

/** Encrypts packets of a stream with a viewer's keys and sends them, a batch at a time. */
export class PacketOutlet {
  /** SRTP only: the session counts RTCP. */
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

  /** Begins a batch. Nothing else may be sent until it is: it has to be filled within the same call. */
  begin(): void {
    batch.count = 0;
  }

  /**
   * Adds a packet to the batch.
   * @param timestamp RTP time before the track's offset
   * @returns whether the batch is full: it has to be sent
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

  /** Sends the batch, and begins another. */
  send(source: RtpPackets): void {
    const { count } = batch;
    if (count === 0) {
      return;
    }
    const bytes = batch.send(this.#link, this.srtp, source.words);
    if (this.packets === 0) {
      // Of a first packet that is lost the viewer never learns: it goes out twice, and the second is taken as a repeat.
      const { route, slots } = this.#link;
      const length = (batch.payloadBytes[0] as number) + this.srtp.overheadBytes;
      route.send(slots.bytes, batch.offsets[0] as number, length);
    }
    batch.count = 0;
    this.packets += count;
    this.bytes += bytes;
    this.#onSent(bytes);
  }
}
