import { PerchError } from '../base/errors.ts';
import { type JpegImage, parseJpeg } from '../media/mjpeg/params.ts';
import { HUFFMAN_TABLES, QUANTIZATION_BYTES } from '../media/mjpeg/tables.ts';
import type { Planes } from './contracts.ts';
import { BLOCK, inverseTransform, SCALES, ZIGZAG } from './dct.ts';

const MAX_CODE_BITS = 16;
const RST0 = 0xd0;
const RST7 = 0xd7;
/** MatrixCoefficients of BT.601 in ITU-T H.273: JFIF has no others. */
const BT601 = 6;

/**
 * Decodes an image as RFC 2435 has it (baseline, 4:2:0 or 4:2:2, the tables of ISO/IEC 10918-1 annex K).
 * @throws PerchError unsupported for others, badInput or unsupported for a damaged one
 */
export function decodeJpeg(data: Uint8Array): Planes {
  const image = parseJpeg(data, 'JPEG that Perch cannot decode');
  const { width, height, type, restartInterval, tables } = image;
  // As much as the decoder of H.264 and H.265 takes.
  if (width * height > 8_192 * 4_352) {
    throw new PerchError('unsupported', `a JPEG of ${width}x${height} pixels is too large to decode`);
  }
  const rows = type === 0 ? 1 : 2;
  const [across, down] = [Math.ceil(width / 16), Math.ceil(height / (8 * rows))];
  const luma = planeOf(16 * across, 8 * rows * down);
  const chroma = [planeOf(8 * across, 8 * down), planeOf(8 * across, 8 * down)] as const;
  const scan = new Scan(data, image);
  const lumaFactors = factorsOf(tables.subarray(0, QUANTIZATION_BYTES));
  const chromaFactors = factorsOf(tables.subarray(QUANTIZATION_BYTES));
  const [lumaDc, chromaDc, lumaAc, chromaAc] = lookups();
  const previous: [number, number, number] = [0, 0, 0];
  for (let mcu = 0; mcu < across * down; mcu += 1) {
    if (restartInterval > 0 && mcu > 0 && mcu % restartInterval === 0) {
      scan.restart();
      previous.fill(0);
    }
    const [column, row] = [mcu % across, Math.floor(mcu / across)];
    for (let i = 0; i < 2 * rows; i += 1) {
      previous[0] = scan.readBlock(lumaFactors, previous[0], lumaDc, lumaAc);
      scan.write(luma, 16 * column + 8 * (i & 1), 8 * (rows * row + (i >> 1)));
    }
    previous[1] = scan.readBlock(chromaFactors, previous[1], chromaDc, chromaAc);
    scan.write(chroma[0], 8 * column, 8 * row);
    previous[2] = scan.readBlock(chromaFactors, previous[2], chromaDc, chromaAc);
    scan.write(chroma[1], 8 * column, 8 * row);
  }
  return {
    ...{ width, height, bits: 8, chromaX: 1, chromaY: rows - 1, luma, chroma },
    ...{ isFullRange: true, matrix: BT601, isInterlaced: false, aspect: 1, time: 0, isDamaged: false },
  };
}

interface Plane {
  readonly samples: Uint8Array;
  readonly stride: number;
}

const planeOf = (stride: number, rows: number): Plane => ({ samples: new Uint8Array(stride * rows), stride });

const damaged = (): PerchError => new PerchError('unsupported', 'the picture is damaged');

/** The entropy-coded bytes: ISO/IEC 10918-1 §F.2. */
class Scan {
  readonly #data: Uint8Array;
  readonly #end: number;
  #at: number;
  /** The last `#count` bits that were read are not used yet. */
  #bits = 0;
  #count = 0;
  /** How many of them are beyond the end or a marker: a whole image does not use these. */
  #beyond = 0;
  readonly #block = new Float32Array(BLOCK);
  /** All coefficients but the first are 0. */
  #isFlat = true;

  constructor(data: Uint8Array, { scanStart, scanEnd }: JpegImage) {
    this.#data = data;
    this.#at = scanStart;
    this.#end = scanEnd;
  }

  /** Reads up to the next restart marker: it begins at a whole byte. */
  restart(): void {
    const data = this.#data;
    this.#bits = 0;
    this.#count = 0;
    this.#beyond = 0;
    // More markers 0xff may precede it.
    while (data[this.#at] === 0xff && data[this.#at + 1] === 0xff) {
      this.#at += 1;
    }
    const marker = data[this.#at + 1] ?? 0;
    if (this.#at + 2 > this.#end || data[this.#at] !== 0xff || marker < RST0 || marker > RST7) {
      throw damaged();
    }
    this.#at += 2;
  }

  /** Reads the coefficients of a block. @returns the quantized DC coefficient */
  readBlock(factors: Float32Array, previousDc: number, dc: Uint16Array, ac: Uint16Array): number {
    const block = this.#block;
    block.fill(0);
    this.#isFlat = true;
    const value = previousDc + this.#value(this.#symbol(dc));
    block[0] = value * (factors[0] as number);
    for (let k = 1; k < BLOCK; k += 1) {
      const symbol = this.#symbol(ac);
      const size = symbol & 0x0f;
      k += symbol >> 4;
      if (size === 0) {
        if (symbol === 0) {
          break;
        }
        continue;
      }
      if (k >= BLOCK) {
        throw damaged();
      }
      const place = ZIGZAG[k] as number;
      block[place] = this.#value(size) * (factors[place] as number);
      this.#isFlat = false;
    }
    return value;
  }

  /** Transforms the block that was read, and writes its samples. */
  write({ samples, stride }: Plane, left: number, top: number): void {
    const block = this.#block;
    if (this.#isFlat) {
      block.fill(block[0] as number);
    } else {
      inverseTransform(block);
    }
    for (let y = 0, from = 0; y < 8; y += 1) {
      const at = (top + y) * stride + left;
      for (let x = 0; x < 8; x += 1, from += 1) {
        const sample = Math.round(block[from] as number) + 128;
        samples[at + x] = Math.min(Math.max(sample, 0), 255);
      }
    }
  }

  #symbol(codes: Uint16Array): number {
    this.#fill();
    const entry = codes[(this.#bits >>> (this.#count - MAX_CODE_BITS)) & 0xffff] as number;
    const length = entry >> 8;
    if (length === 0) {
      throw damaged();
    }
    this.#use(length);
    return entry & 0xff;
  }

  /** §F.2.2.1, EXTEND. */
  #value(size: number): number {
    if (size === 0) {
      return 0;
    }
    if (size > 15) {
      throw damaged();
    }
    this.#fill();
    const bits = (this.#bits >>> (this.#count - size)) & ((1 << size) - 1);
    this.#use(size);
    return bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;
  }

  #use(bits: number): void {
    this.#count -= bits;
    if (this.#count < this.#beyond) {
      throw damaged();
    }
  }

  /** Has at least 16 bits ready. */
  #fill(): void {
    const data = this.#data;
    while (this.#count <= MAX_CODE_BITS) {
      const byte = this.#at < this.#end ? (data[this.#at] as number) : 0xff;
      const isMarker = byte === 0xff && (this.#at >= this.#end || data[this.#at + 1] !== 0);
      this.#bits = ((this.#bits << 8) | (isMarker ? 0 : byte)) & 0x3fffffff;
      this.#count += 8;
      if (isMarker) {
        this.#beyond += 8;
      } else {
        this.#at += byte === 0xff ? 2 : 1;
      }
    }
  }
}

/** Factors that turn quantized coefficients into those of `inverseTransform`. @param table in zigzag order */
function factorsOf(table: Uint8Array): Float32Array {
  const factors = new Float32Array(BLOCK);
  for (const [k, place] of ZIGZAG.entries()) {
    factors[place] = ((table[k] as number) * (SCALES[place >> 3] as number) * (SCALES[place & 7] as number)) / 8;
  }
  return factors;
}

type Lookups = readonly [Uint16Array, Uint16Array, Uint16Array, Uint16Array];
let made: Lookups | undefined;

/** By the next 16 bits: length of the code, then its symbol in the lower byte; 0: no code begins so. DC, DC, AC, AC. */
function lookups(): Lookups {
  made ??= HUFFMAN_TABLES.map(({ bytes }) => lookupOf(bytes)) as unknown as Lookups;
  return made;
}

/** §C.2. @param bytes as in a DHT segment: number of codes of each length, then the symbols */
function lookupOf(bytes: Uint8Array): Uint16Array {
  const entries = new Uint16Array(1 << MAX_CODE_BITS);
  let [next, at] = [0, MAX_CODE_BITS];
  for (let length = 1; length <= MAX_CODE_BITS; length += 1) {
    for (let i = 0; i < (bytes[length - 1] as number); i += 1) {
      const size = 1 << (MAX_CODE_BITS - length);
      entries.fill((length << 8) | (bytes[at] as number), next, next + size);
      next += size;
      at += 1;
    }
  }
  return entries;
}
