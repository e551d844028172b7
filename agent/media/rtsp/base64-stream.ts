import { PerchError } from '../../base/errors.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 0x3d;
const BLANK = 64;
const BAD = 65;

const DIGITS = new Uint8Array(64);
const VALUES = new Uint8Array(256).fill(BAD);
for (let value = 0; value < 64; value += 1) {
  const digit = ALPHABET.charCodeAt(value);
  DIGITS[value] = digit;
  VALUES[digit] = value;
}
for (const blank of [0x09, 0x0a, 0x0d, 0x20]) {
  VALUES[blank] = BLANK;
}

/**
 * Decodes an endless stream of base64 (RFC 4648 §4) in pieces of any size. Senders encode each message separately, so padding may be
 * anywhere and ends a group. Blanks are skipped.
 */
export class Base64Decoder {
  /** Bits of the incomplete byte. */
  #bits = 0;
  #bitCount = 0;

  /** @returns the complete bytes */
  push(chunk: Uint8Array, length: number): Uint8Array {
    const out = new Uint8Array(Math.ceil((length * 3) / 4) + 1);
    let written = 0;
    let bits = this.#bits;
    let bitCount = this.#bitCount;
    for (let at = 0; at < length; at += 1) {
      const code = chunk[at] as number;
      const value = VALUES[code] as number;
      if (value < 64) {
        bits = ((bits << 6) | value) & 0xffff;
        bitCount += 6;
        if (bitCount >= 8) {
          bitCount -= 8;
          out[written] = bits >> bitCount;
          written += 1;
        }
      } else if (code === PAD) {
        bits = 0;
        bitCount = 0;
      } else if (value === BAD) {
        throw new PerchError('badInput', `byte 0x${code.toString(16)} is not base64`);
      }
    }
    this.#bits = bits;
    this.#bitCount = bitCount;
    return out.subarray(0, written);
  }
}

/** Base64 with padding. */
export function encodeBase64(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let written = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const word =
      ((bytes[at] as number) << 16) |
      (left > 1 ? (bytes[at + 1] as number) << 8 : 0) |
      (left > 2 ? (bytes[at + 2] as number) : 0);
    out[written] = DIGITS[word >> 18] as number;
    out[written + 1] = DIGITS[(word >> 12) & 63] as number;
    out[written + 2] = left > 1 ? (DIGITS[(word >> 6) & 63] as number) : PAD;
    out[written + 3] = left > 2 ? (DIGITS[word & 63] as number) : PAD;
    written += 4;
  }
  return out;
}
