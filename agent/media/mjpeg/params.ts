import { PerchError } from '../../base/errors.ts';
import { HUFFMAN_TABLES, QUANTIZATION_BYTES } from './tables.ts';

// Markers of ISO/IEC 10918-1 table B.1, without their first byte 0xff.
const SOI = 0xd8;
export const EOI = 0xd9;
const SOF0 = 0xc0;
const SOF15 = 0xcf;
const DHT = 0xc4;
const JPG = 0xc8;
const DAC = 0xcc;
const SOS = 0xda;
const DQT = 0xdb;
const DRI = 0xdd;
const APP0 = 0xe0;
const TEM = 0x01;
const RST0 = 0xd0;

/** The fields that RFC 2435 and a JFIF header share. */
export interface JpegFormat {
  /** RFC 2435 §4.1: 0 is 4:2:2 (one chroma sample for two adjacent pixels), 1 is 4:2:0. */
  readonly type: 0 | 1;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** MCUs between restart markers; 0: no restart markers. */
  readonly restartInterval: number;
  /** Luma, then chroma, 8 bits each in zigzag order; those of 16 bits have two bytes. */
  readonly tables: Uint8Array;
}

/** From SOI to SOS: ISO/IEC 10918-1 §B.2, ISO/IEC 10918-5. */
export function writeJfifHeader({ type, width, height, restartInterval, tables }: JpegFormat): Uint8Array {
  const jfif = [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]; // 1.1, square pixels, no thumbnail
  const half = tables.length / 2;
  const precision = half > QUANTIZATION_BYTES ? 0x10 : 0;
  const quantization = [0, 1].map((i) => [precision | i, ...tables.subarray(i * half, (i + 1) * half)]);
  const sampling = type === 0 ? 0x21 : 0x22;
  const components = [1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1];
  return Uint8Array.from([
    0xff,
    SOI,
    ...segment(APP0, jfif),
    ...segment(DQT, quantization.flat()),
    ...(restartInterval > 0 ? segment(DRI, [restartInterval >> 8, restartInterval & 0xff]) : []),
    ...segment(SOF0, [8, height >> 8, height & 0xff, width >> 8, width & 0xff, 3, ...components]),
    ...segment(
      DHT,
      HUFFMAN_TABLES.flatMap(({ id, bytes }) => [id, ...bytes]),
    ),
    ...segment(SOS, [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]),
  ]);
}

function segment(marker: number, body: readonly number[]): number[] {
  const bytes = body.length + 2;
  return [0xff, marker, bytes >> 8, bytes & 0xff, ...body];
}

/** An image, and the range of its entropy-coded bytes, without EOI. */
export interface JpegImage extends JpegFormat {
  readonly scanStart: number;
  readonly scanEnd: number;
}

interface Component {
  readonly id: number;
  readonly sampling: number;
  readonly table: number;
}

/** The contents of the segments before the scan. */
interface Draft {
  readonly use: string;
  width: number;
  height: number;
  components: Component[];
  restartInterval: number;
  readonly quantization: Map<number, Uint8Array>;
  readonly huffman: Map<number, Uint8Array>;
}

const refuse = ({ use }: Draft, why: string): PerchError => new PerchError('unsupported', `${use}: ${why}`);
const broken = (why: string): PerchError => new PerchError('badInput', `JPEG image: ${why}`);

/**
 * Reads an image for RFC 2435.
 * @param use begins the reason for which a valid image is refused
 * @throws PerchError; 'unsupported' for a valid image that RFC 2435 cannot express
 */
export function parseJpeg(data: Uint8Array, use = 'JPEG over RTP'): JpegImage {
  if (data[0] !== 0xff || data[1] !== SOI) {
    throw broken('it does not begin with SOI');
  }
  const draft: Draft = {
    use,
    width: 0,
    height: 0,
    components: [],
    restartInterval: 0,
    quantization: new Map(),
    huffman: new Map(),
  };
  for (let at = 2; at + 4 <= data.length; ) {
    const marker = data[at + 1] as number;
    if (data[at] !== 0xff) {
      throw broken(`byte ${at} is ${data[at]}, where a marker should be`);
    }
    if (marker === 0xff || marker === TEM || (marker >= RST0 && marker <= SOI)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    const end = at + 2 + (((data[at + 2] as number) << 8) | (data[at + 3] as number));
    if (end < at + 4 || end > data.length) {
      throw broken(`segment of marker ${marker.toString(16)} ends at byte ${end} of ${data.length}`);
    }
    if (marker === SOS) {
      return finish(draft, data, at + 4, end);
    }
    readSegment(draft, marker, data, at + 4, end);
    at = end;
  }
  throw broken('it has no scan');
}

function readSegment(draft: Draft, marker: number, data: Uint8Array, start: number, end: number): void {
  const isFrame = marker >= SOF0 && marker <= SOF15 && marker !== DHT && marker !== JPG && marker !== DAC;
  if (isFrame && marker > SOF0 + 1) {
    throw refuse(draft, `it is not baseline (SOF${marker - SOF0})`);
  }
  if (isFrame) {
    readFrame(draft, data, start, end);
  } else if (marker === DQT) {
    readQuantization(draft, data, start, end);
  } else if (marker === DHT) {
    readHuffman(draft, data, start, end);
  } else if (marker === DRI && end - start >= 2) {
    draft.restartInterval = ((data[start] as number) << 8) | (data[start + 1] as number);
  }
}

function readFrame(draft: Draft, data: Uint8Array, start: number, end: number): void {
  const count = end - start >= 6 ? (data[start + 5] as number) : 0;
  if (count === 0 || end - start < 6 + 3 * count) {
    throw broken('its frame header is too short');
  }
  if (data[start] !== 8 || count !== 3) {
    throw refuse(draft, `it has ${count} components of ${data[start]} bits, expected 3 of 8`);
  }
  draft.height = ((data[start + 1] as number) << 8) | (data[start + 2] as number);
  draft.width = ((data[start + 3] as number) << 8) | (data[start + 4] as number);
  draft.components = [0, 1, 2].map((i) => {
    const [id = 0, sampling = 0, table = 0] = data.subarray(start + 6 + 3 * i);
    return { id, sampling, table };
  });
}

function readQuantization(draft: Draft, data: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; ) {
    const head = data[at] as number;
    const bytes = head >> 4 === 0 ? QUANTIZATION_BYTES : 2 * QUANTIZATION_BYTES;
    if (at + 1 + bytes > end) {
      throw broken('a quantization table is too short');
    }
    draft.quantization.set(head & 0x0f, data.subarray(at + 1, at + 1 + bytes));
    at += 1 + bytes;
  }
}

function readHuffman(draft: Draft, data: Uint8Array, start: number, end: number): void {
  for (let at = start; at + 17 <= end; ) {
    const values = data.subarray(at + 1, at + 17).reduce((sum, count) => sum + count, 0);
    draft.huffman.set(data[at] as number, data.subarray(at + 1, Math.min(at + 17 + values, end)));
    at += 17 + values;
  }
}

function finish(draft: Draft, data: Uint8Array, header: number, scanStart: number): JpegImage {
  const { width, height, components, restartInterval, quantization } = draft;
  const [luma, ...chroma] = components;
  if (!luma || width === 0 || height === 0) {
    throw broken(`its size is ${width}x${height}`);
  }
  const type = luma.sampling === 0x21 ? 0 : 1;
  const samplings = components.map(({ sampling }) => sampling.toString(16));
  if ((luma.sampling !== 0x21 && luma.sampling !== 0x22) || chroma.some(({ sampling }) => sampling !== 0x11)) {
    throw refuse(draft, `sampling ${samplings.join(' ')}, expected 21 11 11 (4:2:2) or 22 11 11 (4:2:0)`);
  }
  checkScan(draft, data, header);
  const [first, second] = [luma.table, chroma[0]?.table ?? 0].map((id) => quantization.get(id));
  if (!first || !second || chroma[1]?.table !== chroma[0]?.table) {
    throw refuse(draft, 'both chroma components must have one quantization table, and luma one');
  }
  if (first.length + second.length !== 2 * QUANTIZATION_BYTES) {
    throw refuse(draft, 'quantization tables of 16 bits are not baseline');
  }
  const tables = new Uint8Array(2 * QUANTIZATION_BYTES);
  tables.set(first);
  tables.set(second, QUANTIZATION_BYTES);
  return { type, width, height, restartInterval, tables, scanStart, scanEnd: scanEndOf(data, scanStart) };
}

/** One scan of all components with the standard Huffman tables: receivers can rebuild nothing else. */
function checkScan(draft: Draft, data: Uint8Array, start: number): void {
  if (data[start] !== 3) {
    throw refuse(draft, `its scan has ${data[start]} components, expected 3`);
  }
  for (let i = 0; i < 3; i += 1) {
    const selectors = data[start + 2 + 2 * i] as number;
    const wanted = i === 0 ? 0 : 1;
    for (const [kind, number] of [
      [0x00, selectors >> 4],
      [0x10, selectors & 0x0f],
    ] as const) {
      const table = draft.huffman.get(kind | number);
      const usual = HUFFMAN_TABLES.find(({ id }) => id === (kind | wanted));
      // Cameras that omit the tables mean the standard ones.
      if (table ? !isEqual(table, usual?.bytes) : number !== wanted) {
        throw refuse(draft, 'its Huffman tables are not the usual ones (ISO/IEC 10918-1 annex K)');
      }
    }
  }
}

function isEqual(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return a.length === b?.length && a.every((byte, i) => byte === b[i]);
}

/** The scan ends at EOI, after which some encoders add a few bytes. */
function scanEndOf(data: Uint8Array, scanStart: number): number {
  for (let at = data.length - 2; at >= scanStart && at > data.length - 64; at -= 1) {
    if (data[at] === 0xff && data[at + 1] === EOI) {
      return at;
    }
  }
  return data.length;
}
