import { createHash, createHmac, randomBytes } from 'node:crypto';
import { PerchError } from '../../../base/errors.ts';

/** Length of a key: 160 bits, short enough to be written down. */
const KEY_BYTES = 20;
/** Length of the checksum: one typing error in a million passes, and such a key has another id. */
const CHECK_CHARS = 4;
const KEY_CHARS = 32;
const GROUP = /.{4}/g;
const ID_BYTES = 8;
/** Crockford's base 32: without I, L, O and U. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ALIKE: Readonly<Record<string, string>> = { O: '0', I: '1', L: '1' };

export const newArchiveKey = (): Buffer => randomBytes(KEY_BYTES);

/** Key id in the header of every object: tells which key encrypts it, and reveals nothing about the key. */
export const keyIdOf = (key: Uint8Array): Buffer =>
  createHmac('sha256', key).update('perch archive key id').digest().subarray(0, ID_BYTES);

/** The key as nine groups of four characters, to be written down. */
export function keyTextOf(key: Uint8Array): string {
  const digits = digitsOf(key).slice(0, KEY_CHARS) + checkOf(key);
  return (digits.match(GROUP) ?? []).join('-');
}

/** Parses a typed key: spaces, dashes and case do not matter. @throws PerchError badInput, without the text */
export function parseKeyText(typed: string): Buffer {
  const text = typed
    .toUpperCase()
    .replace(/[\s-]/g, '')
    .replace(/[OIL]/g, (one) => ALIKE[one] ?? one);
  if (text.length !== KEY_CHARS + CHECK_CHARS) {
    throw wrongKey(`it has ${text.length} characters without dashes, ${KEY_CHARS + CHECK_CHARS} are needed`);
  }
  let bits = 0n;
  for (const char of text.slice(0, KEY_CHARS)) {
    const digit = DIGITS.indexOf(char);
    if (digit < 0) {
      throw wrongKey('it has a character that no key has');
    }
    bits = (bits << 5n) | BigInt(digit);
  }
  const key = Buffer.from(bits.toString(16).padStart(KEY_BYTES * 2, '0'), 'hex');
  if (checkOf(key) !== text.slice(KEY_CHARS)) {
    throw wrongKey('one or more of its characters are wrong');
  }
  return key;
}

const wrongKey = (why: string): PerchError =>
  new PerchError('badInput', `this is not a key of an archive: ${why}`, { why: 'key' });

const checkOf = (key: Uint8Array): string => digitsOf(createHash('sha256').update(key).digest()).slice(0, CHECK_CHARS);

/** Base-32 digits, of 5 bits each. */
function digitsOf(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{5}/g) ?? []).map((five) => DIGITS[Number.parseInt(five, 2)]).join('');
}
