/*
 * SRT packets, draft-sharabayko-srt §3. A packet begins with 16 bytes:
 *   data     0 | sequence 31 · position 2 | order 1 | key 2 | retransmitted 1 | message 26 · timestamp 32 · destination socket 32
 *   control  1 | type 15 | subtype 16 · type-specific 32 · timestamp 32 · destination socket 32
 */
export const HEADER_BYTES = 16;
/** IPv4 and UDP headers count into the MTU. */
export const IP_UDP_BYTES = 28;
export const MTU_BYTES = 1_500;
export const MAX_PAYLOAD_BYTES = MTU_BYTES - IP_UDP_BYTES - HEADER_BYTES;

export const CONTROL = {
  handshake: 0,
  keepalive: 1,
  ack: 2,
  nak: 3,
  congestion: 4,
  shutdown: 5,
  ackAck: 6,
  dropRequest: 7,
  peerError: 8,
  user: 0x7fff,
} as const;
export type ControlType = (typeof CONTROL)[keyof typeof CONTROL];

/** The message is one packet, to be delivered in order. */
export const WHOLE_MESSAGE = 0xe000_0000;
export const RETRANSMITTED = 0x0400_0000;
export const KEY_SHIFT = 27;
export const MESSAGE_MASK = 0x03ff_ffff;
const CONTROL_BIT = 0x8000_0000;
const SEQUENCE_MASK = 0x7fff_ffff;

export const isControl = (packet: Buffer): boolean => (packet[0] as number) >= 0x80;
export const controlTypeOf = (packet: Buffer): number => packet.readUInt16BE(0) & 0x7fff;
export const destinationOf = (packet: Buffer): number => packet.readUInt32BE(12);

/** Sequence numbers have 31 bits. */
export const addSequence = (sequence: number, count: number): number => (sequence + count) & SEQUENCE_MASK;
/** Signed: negative if `sequence` is before `from`. */
export const sequenceDistance = (sequence: number, from: number): number => ((sequence - from) << 1) >> 1;

/** @param info type-specific */
export function writeControlHeader(
  to: Buffer,
  type: ControlType,
  subtype: number,
  info: number,
  timestamp: number,
  destination: number,
): void {
  to.writeUInt32BE((CONTROL_BIT | (type << 16) | subtype) >>> 0, 0);
  to.writeUInt32BE(info >>> 0, 4);
  to.writeUInt32BE(timestamp >>> 0, 8);
  to.writeUInt32BE(destination >>> 0, 12);
}
