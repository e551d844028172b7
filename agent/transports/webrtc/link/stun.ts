import { createHmac, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { crc32 } from 'node:zlib';

// STUN, RFC 8489 §5: type (16), length (16), magic cookie (32), transaction id (96), then attributes padded to 32 bits.
const HEADER_BYTES = 20;
const MAGIC_COOKIE = 0x2112a442;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
/** "STUN", with which the CRC of FINGERPRINT is XORed, RFC 8489 §14.7. */
const FINGERPRINT_XOR = 0x5354554e;
const INTEGRITY_BYTES = 24;
const FINGERPRINT_BYTES = 8;
/** Of a peer-reflexive candidate, which the address of a check is to its sender: RFC 8445 §5.1.2.1. */
const PRIORITY = 110 * 2 ** 24 + 65_535 * 2 ** 8 + 255;

const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  iceControlled: 0x8029,
  fingerprint: 0x8028,
} as const;

/** The comprehension-required attributes (below 0x8000) that are understood in a check. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  ATTRIBUTE.username,
  ATTRIBUTE.messageIntegrity,
  ATTRIBUTE.priority,
  ATTRIBUTE.useCandidate,
]);

/** A connectivity check, not authenticated before `hasIntegrity`. */
export interface BindingRequest {
  /** Transaction ID: 12 bytes, a view of the datagram. */
  readonly transactionId: Uint8Array;
  /** `ufrag of the receiver:ufrag of the sender`, RFC 8445 §7.2.2. */
  readonly username: string;
  readonly useCandidate: boolean;
  /** Unknown comprehension-required attributes. */
  readonly unknown: readonly number[];
  /** Offset of MESSAGE-INTEGRITY. */
  readonly integrityAt: number;
}

/** RFC 7983 §7: the first byte tells STUN (0 to 3) from DTLS (20 to 63) and RTP or RTCP (128 to 191). */
export function isStun(datagram: Uint8Array): boolean {
  return (datagram[0] ?? 255) <= 3;
}

/** @returns undefined if it is not a valid binding request. Never throws. */
export function parseBindingRequest(datagram: Uint8Array): BindingRequest | undefined {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  if (datagram.length < HEADER_BYTES || datagram.length % 4 !== 0) {
    return undefined;
  }
  const isRequest = view.getUint16(0) === BINDING_REQUEST && view.getUint32(4) === MAGIC_COOKIE;
  if (!isRequest || view.getUint16(2) !== datagram.length - HEADER_BYTES) {
    return undefined;
  }

  let username: string | undefined;
  let useCandidate = false;
  let integrityAt = -1;
  const unknown: number[] = [];
  let at = HEADER_BYTES;
  for (let count = 0; at < datagram.length; count += 1) {
    const type = view.getUint16(at);
    const length = view.getUint16(at + 2);
    const start = at + 4;
    const end = start + length;
    // The most attributes that are read; a connectivity check has about ten.
    if (end > datagram.length || count === 32) {
      return undefined;
    }
    if (type === ATTRIBUTE.fingerprint) {
      // Comes last (§14.7) and covers everything before it.
      return length === 4 && end === datagram.length && hasFingerprint(datagram, view, at) && username !== undefined
        ? { transactionId: datagram.subarray(8, 20), username, useCandidate, unknown, integrityAt }
        : undefined;
    }
    // Attributes after MESSAGE-INTEGRITY are not covered and ignored (§14.5).
    if (integrityAt < 0) {
      if (type === ATTRIBUTE.messageIntegrity) {
        if (length !== INTEGRITY_BYTES - 4) {
          return undefined;
        }
        integrityAt = at;
      } else if (type === ATTRIBUTE.username) {
        username = latin1(datagram, start, end);
      } else if (type === ATTRIBUTE.useCandidate) {
        useCandidate = true;
      } else if (type < 0x8000 && !UNDERSTOOD.has(type)) {
        unknown.push(type);
      }
    }
    at = (end + 3) & ~3;
  }
  if (username === undefined || at !== datagram.length) {
    return undefined;
  }
  return { transactionId: datagram.subarray(8, 20), username, useCandidate, unknown, integrityAt };
}

/** RFC 8489 §14.5, short-term credentials: the key is the password. */
export function hasIntegrity(datagram: Uint8Array, request: BindingRequest, password: string): boolean {
  if (request.integrityAt < 0) {
    return false;
  }
  const given = datagram.subarray(request.integrityAt + 4, request.integrityAt + INTEGRITY_BYTES);
  return timingSafeEqual(given, integrityOf(datagram, request.integrityAt, password));
}

/** Answers a passed check with its source address. */
export function writeBindingSuccess(
  transactionId: Uint8Array,
  address: string,
  port: number,
  password: string,
): Uint8Array {
  const ip = isIPv4(address) ? ipv4Bytes(address) : ipv6Bytes(address);
  const value = Buffer.alloc(4 + ip.length);
  value[1] = ip.length === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 2);
  // XORed with the cookie and the transaction id to hide it from NATs (§14.2).
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(MAGIC_COOKIE, 0);
  mask.set(transactionId, 4);
  for (let i = 0; i < ip.length; i += 1) {
    value[4 + i] = (ip[i] as number) ^ (mask[i] as number);
  }
  return writeMessage(BINDING_SUCCESS, transactionId, attribute(ATTRIBUTE.xorMappedAddress, value), password);
}

/**
 * A connectivity check of the controlled agent, RFC 8445 §7.2.2.
 * @param transactionId 12 bytes
 * @param username `ufrag of the receiver:ufrag of the sender`
 * @param tieBreaker 8 bytes
 * @param password of the receiver
 */
export function writeBindingRequest(
  transactionId: Uint8Array,
  username: string,
  tieBreaker: Uint8Array,
  password: string,
): Uint8Array {
  const priority = Buffer.alloc(4);
  priority.writeUInt32BE(PRIORITY);
  const attributes = Buffer.concat([
    attribute(ATTRIBUTE.username, Buffer.from(username, 'latin1')),
    attribute(ATTRIBUTE.priority, priority),
    attribute(ATTRIBUTE.iceControlled, tieBreaker),
  ]);
  return writeMessage(BINDING_REQUEST, transactionId, attributes, password);
}

/** Error 420 for unknown comprehension-required attributes, RFC 8489 §6.3.1. */
export function writeUnknownAttributes(
  transactionId: Uint8Array,
  unknown: readonly number[],
  password: string,
): Uint8Array {
  const list = Buffer.alloc(2 * unknown.length);
  for (const [i, type] of unknown.entries()) {
    list.writeUInt16BE(type, 2 * i);
  }
  const error = attribute(ATTRIBUTE.errorCode, Buffer.from([0, 0, 4, 20]));
  const attributes = Buffer.concat([error, attribute(ATTRIBUTE.unknownAttributes, list)]);
  return writeMessage(BINDING_ERROR, transactionId, attributes, password);
}

/** Type, length, value, and zeros up to a multiple of four bytes. */
function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc((4 + value.length + 3) & ~3);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  bytes.set(value, 4);
  return bytes;
}

function writeMessage(type: number, transactionId: Uint8Array, attributes: Uint8Array, password: string): Uint8Array {
  const integrityAt = HEADER_BYTES + attributes.length;
  const message = Buffer.alloc(integrityAt + INTEGRITY_BYTES + FINGERPRINT_BYTES);
  message.writeUInt16BE(type, 0);
  message.writeUInt16BE(message.length - HEADER_BYTES, 2);
  message.writeUInt32BE(MAGIC_COOKIE, 4);
  message.set(transactionId, 8);
  message.set(attributes, HEADER_BYTES);
  message.writeUInt16BE(ATTRIBUTE.messageIntegrity, integrityAt);
  message.writeUInt16BE(INTEGRITY_BYTES - 4, integrityAt + 2);
  message.set(integrityOf(message, integrityAt, password), integrityAt + 4);
  const fingerprintAt = integrityAt + INTEGRITY_BYTES;
  message.writeUInt16BE(ATTRIBUTE.fingerprint, fingerprintAt);
  message.writeUInt16BE(4, fingerprintAt + 2);
  message.writeUInt32BE((crc32(message.subarray(0, fingerprintAt)) ^ FINGERPRINT_XOR) >>> 0, fingerprintAt + 4);
  return message;
}

/** The HMAC of all that precedes the attribute, with a header length as if it were the last (§14.5). */
function integrityOf(message: Uint8Array, integrityAt: number, password: string): Uint8Array {
  const header = Buffer.from(message.subarray(0, HEADER_BYTES));
  header.writeUInt16BE(integrityAt + INTEGRITY_BYTES - HEADER_BYTES, 2);
  return createHmac('sha1', password).update(header).update(message.subarray(HEADER_BYTES, integrityAt)).digest();
}

function hasFingerprint(datagram: Uint8Array, view: DataView, at: number): boolean {
  return (crc32(datagram.subarray(0, at)) ^ FINGERPRINT_XOR) >>> 0 === view.getUint32(at + 4);
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

function ipv4Bytes(address: string): Uint8Array {
  return Uint8Array.from(address.split('.'), Number);
}

/** @param address as Node prints it: `::`, a scope (`%eth0`) or an IPv4 tail are possible */
function ipv6Bytes(address: string): Uint8Array {
  const plain = (address.split('%')[0] ?? '').replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const group = (high: string, low: string) => (Number(high) * 256 + Number(low)).toString(16);
    return `${group(a, b)}:${group(c, d)}`;
  });
  const [head = '', tail] = plain.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0');
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...first, ...middle, ...last].entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  }
  return bytes;
}
