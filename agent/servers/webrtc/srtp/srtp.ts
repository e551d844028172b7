import type { PacketSlots } from '../transport/packet-slots.ts';

/** Packets that one call may protect: their key stream is made in one go. */
export const MAX_BATCH = 64;

/** One SSRC that a viewer is sent. */
export interface OutboundTrack {
  readonly ssrc: number;
  readonly payloadType: number;
  /** Added to the stream's time, so that RTP time starts anywhere (RFC 3550 §5.1). Changes with the stream, when a viewer is sent another one. */
  timestampOffset: number;
  /** The next packet's 48-bit index: roll-over counter and sequence number in one, so that neither is ever guessed. */
  packetIndex: number;
  packets: number;
  /** Payload bytes, as sender reports count them. */
  octets: number;
}

/** Packets to protect, each in its place of the arrays. */
export interface Batch {
  readonly count: number;
  readonly tracks: readonly OutboundTrack[];
  /** RTP time before the track's offset. */
  readonly timestamps: Uint32Array;
  readonly markers: Uint8Array;
  readonly payloadBytes: Uint16Array;
  /** Where the payload begins in `source`, in words. */
  readonly sourceWords: Uint32Array;
}

/** Protects what one peer is sent. */
export interface SrtpSender {
  /** What header and tag add to a payload. */
  readonly overheadBytes: number;
  /**
   * Encrypts and signs a batch; advances its tracks.
   * @param source payloads, each starting at a whole word
   * @param offsets gets the byte offset of each packet in `slots.bytes`; it is `payloadBytes + overheadBytes` long
   */
  protect(batch: Batch, source: Uint32Array, slots: PacketSlots, offsets: Uint32Array): void;
}
