import type { SecureLink } from '../session/session-media.ts';
import { type Batch, MAX_BATCH, type OutboundTrack, type SrtpSender } from '../srtp/srtp.ts';

/** Packets that are encrypted and sent to one viewer together. */
class PacketBatch implements Batch {
  count = 0;
  readonly tracks: OutboundTrack[] = [];
  readonly timestamps = new Uint32Array(MAX_BATCH);
  readonly markers = new Uint8Array(MAX_BATCH);
  readonly payloadBytes = new Uint16Array(MAX_BATCH);
  readonly sourceWords = new Uint32Array(MAX_BATCH);
  /** Where the packets lie in the link's slots, once they have been sent. */
  readonly offsets = new Uint32Array(MAX_BATCH);

  /** @param source where the payloads are @returns bytes sent */
  send({ route, slots }: SecureLink, srtp: SrtpSender, source: Uint32Array): number {
    srtp.protect(this, source, slots, this.offsets);
    let bytes = 0;
    for (let i = 0; i < this.count; i += 1) {
      const length = (this.payloadBytes[i] as number) + srtp.overheadBytes;
      route.send(slots.bytes, this.offsets[i] as number, length);
      bytes += length;
    }
    return bytes;
  }
}

/** Filled and sent within one call, so all viewers share it. */
export const batch = new PacketBatch();
