import { PerchError } from '../../../base/errors.ts';
import { CONTROL, HEADER_BYTES, writeControlHeader } from '../packet.ts';

/*
 * Handshake, §3.2.1: version 32 · encryption 16 | extension 16 · initial sequence 32 · MTU 32 · flow window 32 · type 32 ·
 * socket ID 32 · cookie 32 · peer address 128 · extensions (type 16 | length in words 16 | contents)
 */
const BODY_BYTES = 48;
const FIXED_BYTES = HEADER_BYTES + BODY_BYTES;
const EXTENSION_HEADER_BYTES = 4;
/** A stream ID, key material and the rest; libsrt's own are far smaller. */
const MAX_EXTENSIONS = 16;
const MAX_STREAM_ID_BYTES = 512;

export const HANDSHAKE = { induction: 1, conclusion: 0xffff_ffff } as const;
/** In the extension field of an induction response: the listener is SRT, not UDT. */
export const MAGIC = 0x4a17;
export const EXTENSION_FLAG = { hsReq: 1, kmReq: 2, config: 4 } as const;
const EXTENSION = {
  hsReq: 1,
  hsRsp: 2,
  kmReq: 3,
  kmRsp: 4,
  streamId: 5,
  congestion: 6,
  filter: 7,
  group: 8,
} as const;
/** §3.2.1.1.1. */
export const FLAG = {
  tsbpdSend: 1,
  tsbpdReceive: 2,
  crypt: 4,
  tooLateDrop: 8,
  periodicNak: 0x10,
  retransmitFlag: 0x20,
  stream: 0x40,
  packetFilter: 0x80,
} as const;
/** What this end can do: live mode. */
export const LIVE_FLAGS =
  FLAG.tsbpdSend | FLAG.tsbpdReceive | FLAG.crypt | FLAG.tooLateDrop | FLAG.periodicNak | FLAG.retransmitFlag;
/** The default of libsrt and MediaMTX. */
export const DEFAULT_LATENCY_MS = 120;
/** The version of libsrt whose behaviour this is: 1.5.0. */
export const SRT_VERSION = 0x01_05_00;
/** The first version with HSv5. */
export const MIN_SRT_VERSION = 0x01_03_00;

/** SRT_CMD_HSREQ and HSRSP. Delays in milliseconds. */
interface Capabilities {
  readonly version: number;
  readonly flags: number;
  readonly receiverDelayMs: number;
  readonly senderDelayMs: number;
}

export interface Handshake {
  readonly version: number;
  /** Key length in words of 8 bytes: 2, 3, 4; 0: none. */
  readonly encryption: number;
  readonly extensionField: number;
  readonly initialSequence: number;
  readonly mtuBytes: number;
  readonly flowWindow: number;
  readonly type: number;
  readonly socketId: number;
  readonly cookie: number;
  readonly peerAddress: Uint8Array;
  readonly capabilities?: Capabilities | undefined;
  /** SRT_CMD_KMREQ and KMRSP. */
  readonly keyMaterial?: Uint8Array | undefined;
  readonly streamId?: string | undefined;
  readonly congestion?: string | undefined;
  readonly filter?: string | undefined;
  readonly isGroup?: boolean | undefined;
}

export const timestampOf = (packet: Buffer): number => packet.readUInt32BE(8);

/** @param packet a control packet of type handshake @throws PerchError badInput */
export function parseHandshake(packet: Buffer): Handshake {
  if (packet.length < FIXED_BYTES) {
    throw new PerchError('badInput', `SRT handshake of ${packet.length} bytes, at least ${FIXED_BYTES}`);
  }
  const at = HEADER_BYTES;
  const version = packet.readUInt32BE(at);
  const type = packet.readUInt32BE(at + 20);
  const fixed = {
    version,
    encryption: packet.readUInt16BE(at + 4),
    extensionField: packet.readUInt16BE(at + 6),
    initialSequence: packet.readUInt32BE(at + 8) & 0x7fff_ffff,
    mtuBytes: packet.readUInt32BE(at + 12),
    flowWindow: packet.readUInt32BE(at + 16),
    type,
    socketId: packet.readUInt32BE(at + 24),
    cookie: packet.readUInt32BE(at + 28),
    peerAddress: packet.subarray(at + 32, at + BODY_BYTES),
  };
  return version === 5 && type === HANDSHAKE.conclusion ? { ...fixed, ...parseExtensions(packet) } : fixed;
}

type Extensions = Pick<Handshake, 'capabilities' | 'keyMaterial' | 'streamId' | 'congestion' | 'filter' | 'isGroup'>;

function parseExtensions(packet: Buffer): Extensions {
  const found: { -readonly [Key in keyof Extensions]: Extensions[Key] } = {};
  let at = FIXED_BYTES;
  for (let count = 0; at + EXTENSION_HEADER_BYTES <= packet.length; count += 1) {
    if (count === MAX_EXTENSIONS) {
      throw new PerchError('badInput', `SRT handshake with more than ${MAX_EXTENSIONS} extensions`);
    }
    const type = packet.readUInt16BE(at);
    const start = at + EXTENSION_HEADER_BYTES;
    const end = start + 4 * packet.readUInt16BE(at + 2);
    if (end > packet.length) {
      throw new PerchError('badInput', `SRT extension ${type} ends at byte ${end} of ${packet.length}`);
    }
    const contents = packet.subarray(start, end);
    if (type === EXTENSION.hsReq || type === EXTENSION.hsRsp) {
      found.capabilities = parseCapabilities(contents);
    } else if (type === EXTENSION.kmReq || type === EXTENSION.kmRsp) {
      found.keyMaterial = Uint8Array.from(contents);
    } else if (type === EXTENSION.streamId) {
      found.streamId = parseText(contents);
    } else if (type === EXTENSION.congestion) {
      found.congestion = parseText(contents);
    } else if (type === EXTENSION.filter) {
      found.filter = parseText(contents);
    } else if (type === EXTENSION.group) {
      found.isGroup = true;
    }
    at = end;
  }
  return found;
}

function parseCapabilities(contents: Buffer): Capabilities {
  if (contents.length < 12) {
    throw new PerchError('badInput', `SRT handshake extension of ${contents.length} bytes, at least 12`);
  }
  return {
    version: contents.readUInt32BE(0),
    flags: contents.readUInt32BE(4),
    receiverDelayMs: contents.readUInt16BE(8),
    senderDelayMs: contents.readUInt16BE(10),
  };
}

/** Text is stored as little-endian words: the bytes of each word are swapped. */
function swapWords(bytes: Uint8Array): Buffer {
  const swapped = Buffer.alloc(Math.ceil(bytes.length / 4) * 4);
  for (let i = 0; i < bytes.length; i += 1) {
    swapped[i ^ 3] = bytes[i] as number;
  }
  return swapped;
}

function parseText(contents: Buffer): string {
  if (contents.length > MAX_STREAM_ID_BYTES) {
    throw new PerchError('badInput', `SRT text extension of ${contents.length} bytes, at most ${MAX_STREAM_ID_BYTES}`);
  }
  const bytes = swapWords(contents);
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

/** Whole packet. Extensions: `isResponse` selects HSRSP and KMRSP. */
export function writeHandshake(
  handshake: Handshake,
  { timestamp, destination, isResponse = false }: { timestamp: number; destination: number; isResponse?: boolean },
): Buffer {
  const extensions = extensionsOf(handshake, isResponse);
  const size = extensions.reduce((sum, [, contents]) => sum + EXTENSION_HEADER_BYTES + contents.length, FIXED_BYTES);
  const packet = Buffer.alloc(size);
  writeControlHeader(packet, CONTROL.handshake, 0, 0, timestamp, destination);
  const at = HEADER_BYTES;
  packet.writeUInt32BE(handshake.version, at);
  packet.writeUInt16BE(handshake.encryption, at + 4);
  packet.writeUInt16BE(handshake.extensionField, at + 6);
  packet.writeUInt32BE(handshake.initialSequence, at + 8);
  packet.writeUInt32BE(handshake.mtuBytes, at + 12);
  packet.writeUInt32BE(handshake.flowWindow, at + 16);
  packet.writeUInt32BE(handshake.type, at + 20);
  packet.writeUInt32BE(handshake.socketId, at + 24);
  packet.writeUInt32BE(handshake.cookie, at + 28);
  packet.set(handshake.peerAddress, at + 32);
  let end = FIXED_BYTES;
  for (const [type, contents] of extensions) {
    packet.writeUInt16BE(type, end);
    packet.writeUInt16BE(contents.length / 4, end + 2);
    packet.set(contents, end + EXTENSION_HEADER_BYTES);
    end += EXTENSION_HEADER_BYTES + contents.length;
  }
  return packet;
}

/** The extensions to write. Their contents are whole 32-bit words. */
function extensionsOf(handshake: Handshake, isResponse: boolean): (readonly [type: number, contents: Uint8Array])[] {
  const { capabilities, keyMaterial, streamId, congestion } = handshake;
  const extensions: (readonly [number, Uint8Array])[] = [];
  if (capabilities) {
    const contents = Buffer.alloc(12);
    contents.writeUInt32BE(capabilities.version, 0);
    contents.writeUInt32BE(capabilities.flags, 4);
    contents.writeUInt16BE(capabilities.receiverDelayMs, 8);
    contents.writeUInt16BE(capabilities.senderDelayMs, 10);
    extensions.push([isResponse ? EXTENSION.hsRsp : EXTENSION.hsReq, contents]);
  }
  if (keyMaterial) {
    extensions.push([isResponse ? EXTENSION.kmRsp : EXTENSION.kmReq, keyMaterial]);
  }
  if (streamId) {
    extensions.push([EXTENSION.streamId, swapWords(Buffer.from(streamId))]);
  }
  if (congestion) {
    extensions.push([EXTENSION.congestion, swapWords(Buffer.from(congestion))]);
  }
  return extensions;
}

/** The field of the peer's address: IPv4 in the first word, bytes in the order of libsrt (little-endian words). @param ip canonical */
export function addressField(ip: string): Uint8Array {
  const field = new Uint8Array(16);
  const parts = ip.split('.');
  if (parts.length === 4) {
    field.set(parts.map(Number).reverse());
  }
  return field;
}
