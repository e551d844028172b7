import { PerchError } from '../../base/errors.ts';
import type { PayloadSink } from '../payload/packetizer.ts';
import { type JpegImage, parseJpeg } from './params.ts';
import { QUANTIZATION_BYTES } from './tables.ts';

const MAIN_HEADER_BYTES = 8;
const RESTART_HEADER_BYTES = 4;
const TABLE_HEADER_BYTES = 4;
const HAS_RESTART = 64;
/** Tables in band with every image: these express any table, and readers need them when they join. */
const ALWAYS_IN_BAND_Q = 255;
/** The header has one byte per side, in units of 8 pixels (RFC 2435 §3.1.5). */
const MAX_SIDE_PIXELS = 2_040;

/**
 * RFC 2435: the headers of an image become RTP headers of 8 to 144 bytes, too long for a prefix. So the payloads are built in a
 * buffer of their own for each image, one copy more than other codecs need. Invalid images are dropped.
 * @throws PerchError 'unsupported' for an image that RFC 2435 cannot express
 */
export function packetizeMjpeg(data: Uint8Array, maxPayloadBytes: number, isLast: boolean, sink: PayloadSink): void {
  let image: JpegImage;
  try {
    image = parseJpeg(data);
    checkSize(image);
  } catch (error) {
    if (error instanceof PerchError && error.code === 'badInput') {
      return;
    }
    throw error;
  }
  const hasRestart = image.restartInterval > 0;
  const headerBytes = MAIN_HEADER_BYTES + (hasRestart ? RESTART_HEADER_BYTES : 0);
  const tableBytes = TABLE_HEADER_BYTES + 2 * QUANTIZATION_BYTES;
  const scanBytes = image.scanEnd - image.scanStart;
  const packets = Math.ceil((scanBytes + tableBytes) / (maxPayloadBytes - headerBytes));
  const payloads = new Uint8Array(scanBytes + tableBytes + packets * headerBytes);
  let at = 0;
  for (let offset = 0; offset < scanBytes; ) {
    const start = at;
    writeHeader(payloads, start, image, offset);
    at += headerBytes;
    if (offset === 0) {
      writeTables(payloads, at, image.tables);
      at += tableBytes;
    }
    const bytes = Math.min(scanBytes - offset, maxPayloadBytes - (at - start));
    const from = image.scanStart + offset;
    payloads.set(data.subarray(from, from + bytes), at);
    at += bytes;
    offset += bytes;
    sink.onPayload(0, 0, payloads, start, at, isLast && offset === scanBytes);
  }
}

function checkSize({ width, height }: JpegImage): void {
  if (width > MAX_SIDE_PIXELS || height > MAX_SIDE_PIXELS) {
    throw new PerchError(
      'unsupported',
      `JPEG over RTP: image of ${width}x${height} pixels, at most ${MAX_SIDE_PIXELS} on each side (RFC 2435)`,
    );
  }
}

function writeHeader(to: Uint8Array, at: number, image: JpegImage, offset: number): void {
  const hasRestart = image.restartInterval > 0;
  to[at + 1] = offset >>> 16;
  to[at + 2] = offset >>> 8;
  to[at + 3] = offset;
  to[at + 4] = image.type + (hasRestart ? HAS_RESTART : 0);
  to[at + 5] = ALWAYS_IN_BAND_Q;
  // Rounded up: the number of blocks stays the same.
  to[at + 6] = (image.width + 7) >> 3;
  to[at + 7] = (image.height + 7) >> 3;
  if (hasRestart) {
    to[at + 8] = image.restartInterval >> 8;
    to[at + 9] = image.restartInterval;
    // F, L and a count of all ones: packets do not end at restart markers (§3.1.7).
    to[at + 10] = 0xff;
    to[at + 11] = 0xff;
  }
}

function writeTables(to: Uint8Array, at: number, tables: Uint8Array): void {
  // MBZ and precision are 0: both tables have 8 bits.
  to[at + 2] = tables.length >> 8;
  to[at + 3] = tables.length;
  to.set(tables, at + TABLE_HEADER_BYTES);
}
