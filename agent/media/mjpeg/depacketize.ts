import type { Depacketizer, PictureSize, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { SampleBuffer, VIDEO_SAMPLES } from '../sample/sample-buffer.ts';
import type { MjpegTrack } from '../sample/track.ts';
import { EOI, type JpegFormat, writeJfifHeader } from './params.ts';
import { QUANTIZATION_BYTES, quantizationTables } from './tables.ts';

const MAIN_HEADER_BYTES = 8;
const RESTART_HEADER_BYTES = 4;
const TABLE_HEADER_BYTES = 4;
/** Types from 64 on have a restart marker header after the main one (RFC 2435 §3.1.3). */
const HAS_RESTART = 0x40;
/** From this Q on tables are in band; 255: in every image (§3.1.8). */
const FIRST_IN_BAND_Q = 128;
const ALWAYS_IN_BAND_Q = 255;
const NO_TABLES: Uint8Array = new Uint8Array(0);

/**
 * RFC 2435. Main header: type-specific (8), fragment offset (24), type (8), Q (8), width / 8, height / 8; for types from 64 on
 * restart interval (16), F L count (16); with the first fragment of an image with Q from 128 on MBZ (8), precision (8), length (16), tables.
 *
 * Images are independent: one with a missing fragment is dropped, the next is delivered.
 */
export class MjpegDepacketizer implements Depacketizer {
  readonly #sink: UnitSink;
  readonly #toldSize: PictureSize | undefined;
  readonly #buffer = new SampleBuffer(VIDEO_SAMPLES);
  readonly #inBand = new Map<number, Uint8Array>();
  #track: MjpegTrack | undefined;
  #format: JpegFormat | undefined;
  #header = NO_TABLES;
  #ticks = Number.NaN;
  #lastTicks = Number.NEGATIVE_INFINITY;
  /** Bytes of the current scan; -1: no image is open. */
  #scanBytes = -1;

  constructor(format: RtpFormat, sink: UnitSink) {
    this.#sink = sink;
    this.#toldSize = format.pictureSize;
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    if (gap) {
      this.#drop('packets are missing');
    }
    if (ticks !== this.#ticks) {
      // The marker of the previous image is lost, or was never set.
      this.#finish();
      this.#ticks = ticks;
    }
    if (start < end) {
      this.#take(chunk, start, end);
    }
    if (marker) {
      this.#finish();
    }
  }

  #take(chunk: Uint8Array, start: number, end: number): void {
    if (end - start < MAIN_HEADER_BYTES) {
      this.#drop(`JPEG packet of ${end - start} bytes, at least ${MAIN_HEADER_BYTES}`);
      return;
    }
    const offset =
      ((chunk[start + 1] as number) << 16) | ((chunk[start + 2] as number) << 8) | (chunk[start + 3] as number);
    if (offset === 0) {
      this.#finish();
      this.#begin(chunk, start, end);
    } else if (offset === this.#scanBytes) {
      const hasRestart = ((chunk[start + 4] as number) & HAS_RESTART) !== 0;
      this.#append(chunk, start + MAIN_HEADER_BYTES + (hasRestart ? RESTART_HEADER_BYTES : 0), end);
    } else {
      this.#drop(`JPEG fragment at byte ${offset}, expected ${Math.max(0, this.#scanBytes)}`);
    }
  }

  #begin(chunk: Uint8Array, start: number, end: number): void {
    const type = chunk[start + 4] as number;
    const q = chunk[start + 5] as number;
    const chroma = type & ~HAS_RESTART;
    if (chroma > 1) {
      this.#refuse(`JPEG type ${type} over RTP is not defined, expected 0, 1, 64 or 65`);
      return;
    }
    const size = this.#sizeOf(chunk, start);
    if (!size) {
      this.#refuse('JPEG images of more than 2040 pixels whose size neither RTP (RFC 2435) nor the SDP tells');
      return;
    }
    let at = start + MAIN_HEADER_BYTES;
    let restartInterval = 0;
    if ((type & HAS_RESTART) !== 0) {
      restartInterval = end - at < 2 ? 0 : ((chunk[at] as number) << 8) | (chunk[at + 1] as number);
      at += RESTART_HEADER_BYTES;
    }
    let tables = NO_TABLES;
    if (q >= FIRST_IN_BAND_Q) {
      const length = at + TABLE_HEADER_BYTES <= end ? ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number) : 0;
      at += TABLE_HEADER_BYTES;
      tables = this.#tablesOf(q, chunk.subarray(at, Math.min(at + length, end)));
      at += length;
    } else if (q > 0 && q < 100) {
      tables = this.#scaledTables(q);
    }
    if (tables.length === 0 || at > end) {
      this.#refuse(`JPEG image with quality ${q} has no quantization tables`);
      return;
    }
    this.#describe({ type: chroma as 0 | 1, ...size, restartInterval, tables });
    this.#scanBytes = 0;
    this.#buffer.append(this.#header, 0, this.#header.length);
    this.#append(chunk, at, end);
  }

  /** A byte for each side in steps of 8 (RFC 2435 §3.1.5, §3.1.6): cameras with larger images send 0. Undefined if unknown. */
  #sizeOf(chunk: Uint8Array, start: number): PictureSize | undefined {
    const [width, height] = [8 * (chunk[start + 6] as number), 8 * (chunk[start + 7] as number)];
    return width > 0 && height > 0 ? { width, height } : this.#toldSize;
  }

  /** Tables may be omitted once sent, except for Q 255. One table counts for both. */
  #tablesOf(q: number, sent: Uint8Array): Uint8Array {
    const isWhole = [1, 2, 4].some((tables) => sent.length === tables * QUANTIZATION_BYTES);
    if (!isWhole) {
      return q === ALWAYS_IN_BAND_Q || sent.length > 0 ? NO_TABLES : (this.#inBand.get(q) ?? NO_TABLES);
    }
    const known = this.#inBand.get(q);
    const both = sent.length === QUANTIZATION_BYTES ? 2 : 1;
    if (known?.length === sent.length * both && isSame(known, sent)) {
      return known;
    }
    const tables = new Uint8Array(sent.length * both);
    tables.set(sent);
    tables.set(sent, tables.length - sent.length);
    this.#inBand.set(q, tables);
    return tables;
  }

  #scaledTables(q: number): Uint8Array {
    const known = this.#inBand.get(q) ?? quantizationTables(q);
    this.#inBand.set(q, known);
    return known;
  }

  #describe(format: JpegFormat): void {
    const known = this.#format;
    const isKnown =
      known?.tables === format.tables &&
      known.type === format.type &&
      known.width === format.width &&
      known.height === format.height &&
      known.restartInterval === format.restartInterval;
    if (!isKnown) {
      this.#format = format;
      this.#header = writeJfifHeader(format);
    }
  }

  #append(chunk: Uint8Array, start: number, end: number): void {
    if (start > end) {
      this.#drop('JPEG packet is shorter than its headers');
    } else if (this.#buffer.append(chunk, start, end)) {
      this.#scanBytes += end - start;
    } else {
      this.#drop(`JPEG image is larger than ${VIDEO_SAMPLES.maxSampleBytes} bytes`);
    }
  }

  #finish(): void {
    const scanBytes = this.#scanBytes;
    const format = this.#format;
    this.#scanBytes = -1;
    if (scanBytes <= 0 || !format) {
      this.#buffer.drop();
      return;
    }
    const { slab, tail } = this.#buffer;
    const isEnded = slab[tail - 2] === 0xff && slab[tail - 1] === EOI;
    if (!isEnded && !(this.#buffer.appendByte(0xff) && this.#buffer.appendByte(EOI))) {
      this.#drop(`JPEG image is larger than ${VIDEO_SAMPLES.maxSampleBytes} bytes`);
      return;
    }
    const { width, height } = format;
    if (width !== this.#track?.width || height !== this.#track.height) {
      this.#track = { kind: 'video', codec: 'mjpeg', clockRate: 90_000, width, height, fps: undefined };
      this.#sink.onTrack(this.#track);
    }
    // Two fields may share a timestamp; `Timeline` handles a clock that was set back.
    const isRepeated = this.#ticks <= this.#lastTicks && this.#lastTicks - this.#ticks < 90_000;
    this.#lastTicks = isRepeated ? this.#lastTicks + 1 : this.#ticks;
    this.#sink.onUnit(this.#lastTicks, this.#lastTicks, true, this.#buffer.take());
  }

  /** The current image is lost. */
  #drop(reason: string): void {
    if (this.#scanBytes >= 0) {
      this.#refuse(reason);
    }
  }

  #refuse(reason: string): void {
    this.#scanBytes = -1;
    this.#buffer.drop();
    this.#sink.onDamage(reason);
  }
}

/** A single table for both is compared with each. */
function isSame(known: Uint8Array, sent: Uint8Array): boolean {
  for (let i = 0; i < known.length; i += 1) {
    if (known[i] !== sent[i % sent.length]) {
      return false;
    }
  }
  return true;
}
