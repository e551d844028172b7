import { writeJfifHeader } from '../media/mjpeg/params.ts';
import { HUFFMAN_TABLES, QUANTIZATION_BYTES, quantizationTables } from '../media/mjpeg/tables.ts';
import type { Pixels } from './contracts.ts';
import { BLOCK, SCALES, transform, ZIGZAG } from './dct.ts';

/** A picture as JFIF defines it: full range, the matrix of BT.601, chroma halved in both directions and rounded up. */
export interface JpegPicture {
  readonly width: number;
  readonly height: number;
  /** `width` samples per row. */
  readonly luma: Uint8ClampedArray;
  /** Cb, Cr. */
  readonly chroma: readonly [Uint8ClampedArray, Uint8ClampedArray];
}

const DEFAULT_QUALITY = 85;
const EOI = 0xd9;
/** The type of 4:2:0 in RFC 2435. */
const TYPE = 1;
/** A block has 64 coefficients of at most 27 bits, and a zero byte may have to follow each byte. */
const MAX_BLOCK_BYTES = 512;

interface Codes {
  /** Huffman codes by symbol. */
  readonly codes: Uint16Array;
  readonly lengths: Uint8Array;
}

const [LUMA_DC, CHROMA_DC, LUMA_AC, CHROMA_AC] = HUFFMAN_TABLES.map(({ bytes }) => codesOf(bytes)) as [
  Codes,
  Codes,
  Codes,
  Codes,
];

/** Baseline JPEG, with the tables of ISO/IEC 10918-1, Annex K. */
export function encodeJpeg(picture: JpegPicture, quality = DEFAULT_QUALITY): Uint8Array {
  const { width, height } = picture;
  const tables = quantizationTables(quality);
  const encoder = new ScanEncoder(writeJfifHeader({ type: TYPE, width, height, restartInterval: 0, tables }));
  const luma = factorsOf(tables.subarray(0, QUANTIZATION_BYTES));
  const chroma = factorsOf(tables.subarray(QUANTIZATION_BYTES));
  const [cb, cr] = picture.chroma;
  const chromaWidth = (width + 1) >> 1;
  const chromaHeight = (height + 1) >> 1;
  const previous = [0, 0, 0] as [number, number, number];
  for (let y = 0; y < height; y += 16) {
    for (let x = 0; x < width; x += 16) {
      for (let i = 0; i < 4; i += 1) {
        encoder.load(picture.luma, width, height, x + 8 * (i & 1), y + 8 * (i >> 1));
        previous[0] = encoder.write(luma, previous[0], LUMA_DC, LUMA_AC);
      }
      encoder.load(cb, chromaWidth, chromaHeight, x >> 1, y >> 1);
      previous[1] = encoder.write(chroma, previous[1], CHROMA_DC, CHROMA_AC);
      encoder.load(cr, chromaWidth, chromaHeight, x >> 1, y >> 1);
      previous[2] = encoder.write(chroma, previous[2], CHROMA_DC, CHROMA_AC);
    }
  }
  return encoder.finish();
}

class ScanEncoder {
  #bytes: Uint8Array;
  #at: number;
  #bits = 0;
  #bitCount = 0;
  readonly #block = new Float32Array(BLOCK);
  /** Quantized coefficients in zigzag order. */
  readonly #quantized = new Int16Array(BLOCK);

  constructor(header: Uint8Array) {
    this.#bytes = new Uint8Array(256 << 10);
    this.#bytes.set(header);
    this.#at = header.length;
  }

  /** Loads the 8×8 block at (left, top). Beyond the edges the last samples are repeated. */
  load(plane: Uint8ClampedArray, width: number, height: number, left: number, top: number): void {
    const block = this.#block;
    for (let y = 0; y < 8; y += 1) {
      const row = Math.min(top + y, height - 1) * width;
      for (let x = 0; x < 8; x += 1) {
        block[8 * y + x] = (plane[row + Math.min(left + x, width - 1)] as number) - 128;
      }
    }
  }

  /** @returns the quantized DC coefficient: the next block of the plane codes its difference from it */
  write(factors: Float32Array, previousDc: number, dc: Codes, ac: Codes): number {
    if (this.#bytes.length - this.#at < MAX_BLOCK_BYTES) {
      const grown = new Uint8Array(2 * this.#bytes.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    transform(this.#block);
    const quantized = this.#quantized;
    let last = 0;
    for (let k = 0; k < BLOCK; k += 1) {
      const place = ZIGZAG[k] as number;
      const value = Math.round((this.#block[place] as number) * (factors[place] as number));
      quantized[k] = value;
      last = value === 0 ? last : k;
    }
    const difference = (quantized[0] as number) - previousDc;
    this.#putValue(dc, 0, difference);
    let zeros = 0;
    for (let k = 1; k <= last; k += 1) {
      const value = quantized[k] as number;
      if (value === 0) {
        zeros += 1;
        continue;
      }
      for (; zeros > 15; zeros -= 16) {
        this.#put(ac.codes[0xf0] as number, ac.lengths[0xf0] as number);
      }
      this.#putValue(ac, zeros, value);
      zeros = 0;
    }
    if (last < BLOCK - 1) {
      this.#put(ac.codes[0] as number, ac.lengths[0] as number);
    }
    return quantized[0] as number;
  }

  finish(): Uint8Array {
    this.#put(0x7f, 7);
    this.#bytes[this.#at] = 0xff;
    this.#bytes[this.#at + 1] = EOI;
    return this.#bytes.slice(0, this.#at + 2);
  }

  /** Writes the symbol of the zeros before a value and of its size, then the value's bits. */
  #putValue({ codes, lengths }: Codes, zeros: number, value: number): void {
    const size = 32 - Math.clz32(Math.abs(value));
    const symbol = (zeros << 4) | size;
    this.#put(codes[symbol] as number, lengths[symbol] as number);
    this.#put((value < 0 ? value - 1 : value) & ((1 << size) - 1), size);
  }

  #put(bits: number, count: number): void {
    this.#bits = (this.#bits << count) | bits;
    this.#bitCount += count;
    while (this.#bitCount >= 8) {
      this.#bitCount -= 8;
      const byte = (this.#bits >> this.#bitCount) & 0xff;
      this.#bytes[this.#at] = byte;
      this.#at += 1;
      if (byte === 0xff) {
        this.#bytes[this.#at] = 0;
        this.#at += 1;
      }
    }
    this.#bits &= (1 << this.#bitCount) - 1;
  }
}

/** Factors that turn coefficients of `transform` into quantized ones. @param table in zigzag order */
function factorsOf(table: Uint8Array): Float32Array {
  const factors = new Float32Array(BLOCK);
  for (const [k, place] of ZIGZAG.entries()) {
    const scale = (SCALES[place >> 3] as number) * (SCALES[place & 7] as number) * 8;
    factors[place] = 1 / ((table[k] as number) * scale);
  }
  return factors;
}

function codesOf(table: Uint8Array): Codes {
  const codes = new Uint16Array(256);
  const lengths = new Uint8Array(256);
  let code = 0;
  let at = 16;
  for (let length = 1; length <= 16; length += 1) {
    for (let i = 0; i < (table[length - 1] as number); i += 1) {
      const symbol = table[at] as number;
      codes[symbol] = code;
      lengths[symbol] = length;
      code += 1;
      at += 1;
    }
    code <<= 1;
  }
  return { codes, lengths };
}

/** ITU-T T.871 (JFIF) §7. Chroma is the mean of four pixels, at the edges of those that are there. */
export function jpegPictureOf({ width, height, rgb }: Pixels): JpegPicture {
  const [columns, rows] = [(width + 1) >> 1, (height + 1) >> 1];
  const luma = new Uint8ClampedArray(width * height);
  const cb = new Uint8ClampedArray(columns * rows);
  const cr = new Uint8ClampedArray(columns * rows);
  for (let i = 0, at = 0; i < luma.length; i += 1, at += 3) {
    luma[i] = 0.299 * (rgb[at] as number) + 0.587 * (rgb[at + 1] as number) + 0.114 * (rgb[at + 2] as number);
  }
  for (let row = 0, i = 0; row < rows; row += 1) {
    const first = 3 * 2 * row * width;
    const second = 2 * row + 1 < height ? first + 3 * width : first;
    for (let column = 0; column < columns; column += 1, i += 1) {
      const left = 6 * column;
      const right = 2 * column + 1 < width ? left + 3 : left;
      const mean = (colour: number): number => {
        const at = (start: number): number => rgb[start + colour] as number;
        return (at(first + left) + at(first + right) + at(second + left) + at(second + right)) / 4;
      };
      const [red, green, blue] = [mean(0), mean(1), mean(2)];
      cb[i] = 128 - 0.168736 * red - 0.331264 * green + 0.5 * blue;
      cr[i] = 128 + 0.5 * red - 0.418688 * green - 0.081312 * blue;
    }
  }
  return { width, height, luma, chroma: [cb, cr] };
}
