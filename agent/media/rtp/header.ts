import { PerchError } from '../../base/errors.ts';

export const RTP_HEADER_BYTES = 12;
/** SRTP's HMAC-SHA1-80 after a packet, RFC 3711 §4.2.1. */
export const AUTH_TAG_BYTES = 10;

/**
 * The header of one RTP packet, RFC 3550 §5.1. One object serves all packets of a connection: nothing is allocated per packet.
 *
 *     V=2 P X CC | M PT | sequence (16) | timestamp (32) | SSRC (32) | CSRC × CC | extension if X | payload | padding if P
 */
export class RtpHeader {
  marker = false;
  payloadType = 0;
  /** Wraps at 2^16. */
  sequence = 0;
  /** In clock-rate ticks; starts anywhere and wraps at 2^32. */
  timestamp = 0;
  ssrc = 0;
  /** The payload is [payloadStart, payloadEnd) of the parsed chunk. */
  payloadStart = 0;
  payloadEnd = 0;

  /** Parses the packet in `chunk[start, end)` into this object, which is invalid after an error. @throws PerchError */
  parse(chunk: Uint8Array, start: number, end: number): void {
    if (end - start < RTP_HEADER_BYTES || end > chunk.length) {
      throw new PerchError('badInput', `RTP packet of ${end - start} bytes is shorter than its fixed header`);
    }
    const flags = chunk[start] as number;
    if (flags >> 6 !== 2) {
      throw new PerchError('badInput', `RTP version ${flags >> 6}, expected 2`);
    }
    const second = chunk[start + 1] as number;
    let payloadStart = start + RTP_HEADER_BYTES + 4 * (flags & 0x0f);
    let payloadEnd = end;
    if ((flags & 0x10) !== 0) {
      const words = payloadStart + 4 <= end ? read16(chunk, payloadStart + 2) : 0;
      payloadStart += 4 + 4 * words;
    }
    if ((flags & 0x20) !== 0) {
      // Padding length is the last byte and counts itself.
      payloadEnd -= chunk[end - 1] as number;
    }
    if (payloadStart > payloadEnd) {
      const [headEnd, tail] = [payloadStart - start, payloadEnd - start];
      throw new PerchError('badInput', `RTP header ends at byte ${headEnd}, after the payload's end at ${tail}`);
    }
    this.marker = (second & 0x80) !== 0;
    this.payloadType = second & 0x7f;
    this.sequence = read16(chunk, start + 2);
    this.timestamp = read32(chunk, start + 4);
    this.ssrc = read32(chunk, start + 8);
    this.payloadStart = payloadStart;
    this.payloadEnd = payloadEnd;
  }
}

/** Writes a header without CSRCs and extension to `out[at, at + 12)`; sequence and timestamp wrap here. */
export function writeRtpHeader(
  out: Uint8Array,
  at: number,
  marker: boolean,
  payloadType: number,
  sequence: number,
  timestamp: number,
  ssrc: number,
): void {
  out[at] = 0x80;
  out[at + 1] = (marker ? 0x80 : 0) | payloadType;
  out[at + 2] = sequence >> 8;
  out[at + 3] = sequence;
  write32(out, at + 4, timestamp);
  write32(out, at + 8, ssrc);
}

export function read16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

export function read32(bytes: Uint8Array, at: number): number {
  return ((read16(bytes, at) << 16) | read16(bytes, at + 2)) >>> 0;
}

function write32(out: Uint8Array, at: number, value: number): void {
  // `>>> 0` is modulo 2^32, so unwrapped ticks wrap.
  const word = value >>> 0;
  out[at] = word >>> 24;
  out[at + 1] = word >>> 16;
  out[at + 2] = word >>> 8;
  out[at + 3] = word;
}
