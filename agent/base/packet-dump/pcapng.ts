/**
 * A pcapng file of one Ethernet interface (draft-ietf-opsawg-pcapng), in the byte order of this machine's clients, little-endian:
 * Section Header §4.1, Interface Description §4.2, Enhanced Packet §4.3, Decryption Secrets §4.7.
 */

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const DECRYPTION_SECRETS = 10;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const UNKNOWN_LENGTH = 0xffff_ffff;
const LINKTYPE_ETHERNET = 1;
/** `TLSK`: lines of NSS key logs. */
const TLS_KEY_LOG = 0x544c534b;

/** Type, length and, at the end, the length again. */
const FRAME_BYTES = 12;
const PACKET_FIELDS_BYTES = 20;

/** What a file begins with. Times have microseconds, the default. */
export function fileStart(): Buffer {
  const section = Buffer.alloc(16);
  section.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  section.writeUInt16LE(1, 4);
  section.fill(0xff, 8);
  const description = Buffer.alloc(8);
  description.writeUInt16LE(LINKTYPE_ETHERNET, 0);
  return Buffer.concat([block(SECTION_HEADER, section), block(INTERFACE_DESCRIPTION, description)]);
}

/** @param atUs Unix time in microseconds */
export function packetBlock(atUs: number, packet: Uint8Array): Buffer {
  const body = Buffer.alloc(PACKET_FIELDS_BYTES + packet.length);
  body.writeUInt32LE(Math.floor(atUs / (UNKNOWN_LENGTH + 1)), 4);
  body.writeUInt32LE(Math.floor(atUs % (UNKNOWN_LENGTH + 1)), 8);
  body.writeUInt32LE(packet.length, 12);
  body.writeUInt32LE(packet.length, 16);
  body.set(packet, PACKET_FIELDS_BYTES);
  return block(ENHANCED_PACKET, body);
}

/** @param line of an NSS key log, with its line break */
export function secretsBlock(line: Uint8Array): Buffer {
  const body = Buffer.alloc(8 + line.length);
  body.writeUInt32LE(TLS_KEY_LOG, 0);
  body.writeUInt32LE(line.length, 4);
  body.set(line, 8);
  return block(DECRYPTION_SECRETS, body);
}

function block(type: number, body: Buffer): Buffer {
  const length = FRAME_BYTES + Math.ceil(body.length / 4) * 4;
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(length, 4);
  bytes.set(body, 8);
  bytes.writeUInt32LE(length, length - 4);
  return bytes;
}
