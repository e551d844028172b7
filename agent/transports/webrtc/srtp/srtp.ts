import type { PacketSlots } from './packet-slots.ts';

/** Packets per call: their key stream is generated at once. */
export const MAX_BATCH = 64;

/** A sent SSRC. */
export interface OutboundTrack {
  readonly ssrc: number;
  readonly payloadType: number;
  /**
   * Random start of RTP time (RFC 3550 §5.1), added to the stream's time. Changes when the viewer moves to another
   * stream.
   */
  timestampOffset: number;
  /** 48-bit index of the next packet: roll-over counter and sequence number. */
  packetIndex: number;
  packets: number;
  /** Payload bytes, for sender reports. */
  octets: number;
}

/** Packets to protect, as parallel arrays. */
export interface Batch {
  readonly count: number;
  readonly tracks: readonly OutboundTrack[];
  /** RTP time before the track's offset. */
  readonly timestamps: Uint32Array;
  readonly markers: Uint8Array;
  readonly payloadBytes: Uint16Array;
  /** Where the payload starts in `source`, in words. */
  readonly sourceWords: Uint32Array;
}

/** Encrypts a peer's packets. */
export interface SrtpSender {
  /** Header and tag. */
  readonly overheadBytes: number;
  /**
   * Encrypts and signs a batch; advances its tracks.
   * @param source payloads, each starting at a whole word
   * @param offsets receives each packet's byte offset in `slots.bytes`; its length is `payloadBytes + overheadBytes`
   */
  protect(batch: Batch, source: Uint32Array, slots: PacketSlots, offsets: Uint32Array): void;
}

/** Sent packets have neither CSRCs nor extensions. */
export const HEADER_BYTES = 12;

/** RFC 3550 §5.1. */
export function writeHeader(batch: Batch, i: number, packetIndex: number, slots: PacketSlots, slot: number): void {
  const track = batch.tracks[i] as OutboundTrack;
  const view = slots.view;
  view.setUint8(slot, 0x80);
  view.setUint8(slot + 1, ((batch.markers[i] as number) << 7) | track.payloadType);
  view.setUint16(slot + 2, packetIndex % 65_536);
  view.setUint32(slot + 4, ((batch.timestamps[i] as number) + track.timestampOffset) >>> 0);
  view.setUint32(slot + 8, track.ssrc);
}

/** Verifies and decrypts single SRTP packets of one profile. */
export interface PacketOpener {
  readonly tagBytes: number;
  /**
   * Decrypts in place between header and tag.
   * @param index 48 bits
   * @returns false if the tag is wrong; the packet is unchanged
   */
  open(packet: Buffer, headerBytes: number, ssrc: number, index: number): boolean;
}
