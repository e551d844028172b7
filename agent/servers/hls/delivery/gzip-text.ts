import { crc32, gzipSync } from 'node:zlib';

/** All distances of a shorter text fit into DEFLATE's window. */
const MAX_BYTES = 32 << 10;
const HEAD: readonly number[] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
const TRAILER_BYTES = 8;
/** A final block with fixed codes: RFC 1951 §3.2.3. */
const BLOCK_HEAD = 0b011;
const BLOCK_HEAD_BITS = 3;
const END_OF_BLOCK_BITS = 7;
const MIN_MATCH = 4;
const MAX_MATCH = 258;
const HASH_BITS = 12;
const HASH_FACTOR = 0x9e3779b1;
const DISTANCE_CODE_BITS = 5;

/** Codes with their extra bits, lowest bit first: by literal, by match length, and by distance code. */
const literals = { codes: new Uint16Array(256), bits: new Uint8Array(256) };
const lengths = { codes: new Uint16Array(MAX_MATCH + 1), bits: new Uint8Array(MAX_MATCH + 1) };
const distances = Uint8Array.from({ length: 30 }, (_, symbol) => reversed(symbol, DISTANCE_CODE_BITS));
fillTables();

const input = Buffer.alloc(MAX_BYTES);
/** A literal has at most nine bits. */
const output = Buffer.from([...HEAD, ...new Uint8Array((MAX_BYTES * 9) / 8 + TRAILER_BYTES + 8)]);
/** By hash of four bytes: `origin` plus the last place of such bytes. Places of earlier texts lie below `origin`. */
const places = new Int32Array(1 << HASH_BITS);
let origin = 1;
// End of the bytes in `output`, and the bits after it that do not fill a byte yet.
let tail = 0;
let pending = 0;
let pendingBits = 0;

/**
 * Compresses a text as gzip, RFC 1952. A playlist has a few kilobytes, most of them repeated from line to line: a new zlib object for each
 * takes several times as long, and its memory leads to garbage collections.
 * @param text ASCII
 * @returns bytes as a Latin-1 string
 */
export function gzipText(text: string): string {
  if (text.length >= MAX_BYTES) {
    return gzipSync(text).toString('latin1');
  }
  // V8 makes a flat copy of a joined text and keeps it as long as that text, here a longer one that is garbage at once.
  const length = input.write(`${text}\n`, 'latin1') - 1;
  tail = HEAD.length;
  put(BLOCK_HEAD, BLOCK_HEAD_BITS);
  putAll(length);
  put(0, END_OF_BLOCK_BITS);
  put(0, -pendingBits & 7);
  tail = output.writeUInt32LE(crc32(input.subarray(0, length)), tail);
  tail = output.writeUInt32LE(length, tail);
  return output.toString('latin1', 0, tail);
}

function putAll(length: number): void {
  for (let at = 0; at < length; ) {
    const before = at + MIN_MATCH <= length ? exchangePlace(at) : -1;
    const matched = before < 0 ? 0 : matchAt(before, at, length);
    if (matched < MIN_MATCH) {
      const byte = input[at] as number;
      put(literals.codes[byte] as number, literals.bits[byte] as number);
      at += 1;
      continue;
    }
    put(lengths.codes[matched] as number, lengths.bits[matched] as number);
    putDistance(at - before);
    const end = at + matched;
    const known = Math.min(end, length - MIN_MATCH + 1);
    for (at += 1; at < known; at += 1) {
      exchangePlace(at);
    }
    at = end;
  }
  origin += length;
  if (origin > 2 ** 30) {
    places.fill(0);
    origin = 1;
  }
}

/** Notes the place of the four bytes at `at`. @returns the place before it with the same hash; negative: none */
function exchangePlace(at: number): number {
  const word =
    (input[at] as number) |
    ((input[at + 1] as number) << 8) |
    ((input[at + 2] as number) << 16) |
    ((input[at + 3] as number) << 24);
  const slot = Math.imul(word, HASH_FACTOR) >>> (32 - HASH_BITS);
  const before = (places[slot] as number) - origin;
  places[slot] = origin + at;
  return before;
}

function matchAt(before: number, at: number, length: number): number {
  const most = Math.min(MAX_MATCH, length - at);
  let count = 0;
  while (count < most && input[before + count] === input[at + count]) {
    count += 1;
  }
  return count;
}

/** RFC 1951 §3.2.5: two codes for each power of two, the rest in extra bits. */
function putDistance(distance: number): void {
  const value = distance - 1;
  if (value < 4) {
    put(distances[value] as number, DISTANCE_CODE_BITS);
    return;
  }
  const extraBits = 30 - Math.clz32(value);
  const symbol = 2 * (extraBits + 1) + ((value >> extraBits) & 1);
  put(distances[symbol] as number, DISTANCE_CODE_BITS);
  put(value & ((1 << extraBits) - 1), extraBits);
}

function put(value: number, bits: number): void {
  pending |= value << pendingBits;
  pendingBits += bits;
  while (pendingBits >= 8) {
    output[tail] = pending;
    tail += 1;
    pending >>>= 8;
    pendingBits -= 8;
  }
}

/** RFC 1951 §3.2.5, §3.2.6. */
function fillTables(): void {
  for (let byte = 0; byte < 256; byte += 1) {
    const bits = byte < 144 ? 8 : 9;
    literals.codes[byte] = reversed(byte < 144 ? 0x30 + byte : 0x190 + byte - 144, bits);
    literals.bits[byte] = bits;
  }
  let length = 3;
  for (let symbol = 257; symbol <= 285; symbol += 1) {
    const extraBits = symbol < 265 || symbol === 285 ? 0 : (symbol - 261) >> 2;
    const bits = symbol < 280 ? 7 : 8;
    const code = reversed(symbol < 280 ? symbol - 256 : 0xc0 + symbol - 280, bits);
    // The last length has a code of its own.
    length = symbol === 285 ? MAX_MATCH : length;
    for (let extra = 0; extra < 1 << extraBits && length <= MAX_MATCH; extra += 1, length += 1) {
      lengths.codes[length] = code | (extra << bits);
      lengths.bits[length] = bits + extraBits;
    }
  }
}

/** Huffman codes begin with their highest bit. */
function reversed(code: number, bits: number): number {
  let result = 0;
  for (let i = 0; i < bits; i += 1) {
    result |= ((code >> i) & 1) << (bits - 1 - i);
  }
  return result;
}
