import { PacketMemory, SLOT_BYTES } from '../../../native/packet-memory.ts';

/** Packets per call: their key stream is generated at once. */
export const MAX_BATCH = 64;

/** The encrypted packets of a batch. Shared by all senders: filled and sent within one call. */
export const packets = new PacketMemory(MAX_BATCH);

/** The state of one sent SSRC. */
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
  /** Offset of each payload in `source`, in words. */
  readonly sourceWords: Uint32Array;
}

/** Encrypts a peer's packets. */
export interface SrtpSender {
  /** Bytes of header and tag of a packet. */
  readonly overheadBytes: number;
  /**
   * Encrypts and signs a batch into `packets`; advances its tracks.
   * @param source payloads, each starting at a whole word
   */
  protect(batch: Batch, source: Uint32Array): void;
}

/** Sent packets have neither CSRCs nor extensions. */
export const HEADER_BYTES = 12;

/** Writes an RTP header, RFC 3550 §5.1. @param i number of the packet in the batch */
export function writeHeader(batch: Batch, i: number, packetIndex: number): void {
  const track = batch.tracks[i] as OutboundTrack;
  const { view } = packets;
  const slot = SLOT_BYTES * i;
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
