import { explain, PerchError } from '../base/errors.ts';
import { parseH264Sps } from '../media/h264/params.ts';
import { parseH265Sps } from '../media/h265/params.ts';
import { avcC, hvcC } from '../media/mp4/entry/sample-entry.ts';
import { findStartCode, NAL_LENGTH_BYTES, readNalLength } from '../media/payload/nal.ts';
import type { H264Track, H265Track, NalTrack } from '../media/sample/track.ts';
import { newDecoder } from './decoder.ts';

/** Side of a block: a macroblock of H.264. */
export const BLOCK_PIXELS = 16;
/** MaxFS of H.264's level 5.2. */
const MAX_PIXELS = 36_864 * BLOCK_PIXELS ** 2;
/** H.265 allows 600 in a picture, level 6.2. */
const MAX_SLICES = 600;
/** Enough for the header of a slice with weights or entry points. */
const HEADER_BYTES = 512;
/** Pictures of 3840x2160 with 16 references take about as much. */
const MAX_MEMORY_BYTES = 128 << 20;
/** Damaged samples after which the track is not read any more. */
const MAX_TRAPS = 3;
/** Baseline, Main, High. */
const H264_PROFILES = [66, 77, 100];
const H265_BITS = [8, 10];
/** Of the MP4 box, before the configuration record. */
const BOX_HEAD_BYTES = 8;

/** What an encoder spent on each block of 16x16 pixels of one picture, row by row. One instance serves a stream. */
export class BlockField {
  readonly columns: number;
  readonly rows: number;
  /** Luma quantiser. */
  readonly qps: Int8Array;
  /** Bits of the block, up to 65,535; those of a larger unit are shared by its blocks. */
  readonly bits: Uint16Array;

  /** @param width in pixels, before cropping */
  constructor(width: number, height: number) {
    this.columns = Math.ceil(width / BLOCK_PIXELS);
    this.rows = Math.ceil(height / BLOCK_PIXELS);
    this.qps = new Int8Array(this.columns * this.rows);
    this.bits = new Uint16Array(this.columns * this.rows);
  }
}

/** What `packaging/picture-decoder/blocks.c` exports. Addresses and sizes are in bytes. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  allocate(size: number): number;
  /** @returns the address of the addresses of bits and quantisers; 0: the decoder does not take the parameters */
  begin(codec: number, record: number, size: number, width: number, height: number): number;
  /** @returns the address for the next sample, which is valid until the next call; 0: out of memory */
  reserve(size: number): number;
  /** @returns 1: all blocks of the picture were read */
  read(size: number, isHeaderOnly: number): number;
}

interface Decoder extends Exports {
  readonly bitsAt: number;
  readonly qpsAt: number;
}

/**
 * Reads the blocks of a track's pictures with FFmpeg's decoders, without decoding pixels. One instance serves a track until its parameter
 * sets change.
 */
export class BlockReader {
  /** Blocks of the last picture for which `read` returned true; overwritten by the next one. */
  readonly field: BlockField;
  readonly #codec: 'h264' | 'h265';
  readonly #record: Uint8Array;
  readonly #width: number;
  readonly #height: number;
  /** Undefined: its memory was damaged by the last sample. */
  #decoder: Decoder | undefined;
  #traps = 0;
  #failure: string | undefined;

  /** @throws PerchError if a parameter set of the track is invalid, or its pictures are too large or cannot be decoded */
  constructor(track: NalTrack) {
    this.#codec = track.codec;
    const [width, height] = readableSize(track);
    this.#width = width;
    this.#height = height;
    this.#record = (track.codec === 'h264' ? avcC(track) : hvcC(track)).subarray(BOX_HEAD_BYTES);
    if (width * height > MAX_PIXELS) {
      throw new PerchError('unsupported', `pictures of ${width}x${height} are too large for blocks`);
    }
    this.field = new BlockField(width, height);
    this.#decoder = this.#begin();
  }

  /** Why no more pictures are read, or undefined if they are. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Takes the next picture in decode order without reading its blocks, only to keep the lists of reference pictures. */
  follow(data: Uint8Array): void {
    this.#pass(data, HEADER_BYTES);
  }

  /** Reads the next picture in decode order. @returns whether all its blocks were read; otherwise `field` must not be used */
  read(data: Uint8Array): boolean {
    const decoder = this.#pass(data, Number.POSITIVE_INFINITY);
    if (!decoder) {
      return false;
    }
    const { qps, bits } = this.field;
    qps.set(new Int8Array(decoder.memory.buffer, decoder.qpsAt, qps.length));
    bits.set(new Uint16Array(decoder.memory.buffer, decoder.bitsAt, bits.length));
    return true;
  }

  /** @param maxBytes of each slice @returns undefined if not all blocks were read */
  #pass(data: Uint8Array, maxBytes: number): Decoder | undefined {
    if (this.#failure !== undefined) {
      return undefined;
    }
    try {
      this.#decoder ??= this.#begin();
      const decoder = this.#decoder;
      const size = this.#putSlices(decoder, data, maxBytes);
      const isRead = size > 0 && decoder.read(size, maxBytes === HEADER_BYTES ? 1 : 0) === 1;
      if (decoder.memory.buffer.byteLength > MAX_MEMORY_BYTES) {
        throw new PerchError('exhausted', 'the pictures take more memory than their blocks are worth');
      }
      return isRead ? decoder : undefined;
    } catch (error) {
      if (!isOfDecoder(error)) {
        throw error;
      }
      // The next sample gets another instance.
      this.#decoder = undefined;
      this.#traps += 1;
      if (this.#traps === MAX_TRAPS) {
        this.#failure = `the decoder of pictures has ended ${MAX_TRAPS} times, last with: ${explain(error)}`;
      }
      return undefined;
    }
  }

  /** Copies the slices of a sample into the decoder's memory. @returns their size; 0: there are none, or too many */
  #putSlices(decoder: Decoder, data: Uint8Array, maxBytes: number): number {
    const isSlice = this.#codec === 'h264' ? isH264Slice : isH265Slice;
    const start = decoder.reserve(Math.min(data.length, MAX_SLICES * (NAL_LENGTH_BYTES + maxBytes)));
    if (start === 0) {
      throw new PerchError('unsupported', 'no memory for the slices of a picture');
    }
    const memory = new DataView(decoder.memory.buffer);
    const bytes = new Uint8Array(decoder.memory.buffer);
    let slices = 0;
    let to = start;
    for (let at = 0; at + NAL_LENGTH_BYTES < data.length; ) {
      const from = at + NAL_LENGTH_BYTES;
      const end = Math.min(from + readNalLength(data, at), data.length);
      at = end;
      if (end > from && isSlice(data[from] as number)) {
        slices += 1;
        const size = Math.min(end - from, maxBytes);
        // FFmpeg reads what follows a start code as a NAL unit of its own.
        if (slices > MAX_SLICES || findStartCode(data, from, from + size) >= 0) {
          return 0;
        }
        memory.setUint32(to, size);
        bytes.set(data.subarray(from, from + size), to + NAL_LENGTH_BYTES);
        to += NAL_LENGTH_BYTES + size;
      }
    }
    return to - start;
  }

  #begin(): Decoder {
    const decoder = newDecoder<Exports>();
    const { length } = this.#record;
    const record = decoder.allocate(length);
    let fields = 0;
    if (record !== 0) {
      new Uint8Array(decoder.memory.buffer, record, length).set(this.#record);
      fields = decoder.begin(this.#codec === 'h265' ? 265 : 264, record, length, this.#width, this.#height);
    }
    if (fields === 0) {
      throw new PerchError('unsupported', `${this.#codec} with parameters that the decoder of pictures does not take`);
    }
    const [bitsAt = 0, qpsAt = 0] = new Uint32Array(decoder.memory.buffer, fields, 2);
    return { ...decoder, bitsAt, qpsAt };
  }
}

/** A trap, no memory, or a recursion without end. */
const isOfDecoder = (error: unknown): boolean =>
  error instanceof WebAssembly.RuntimeError || error instanceof RangeError || error instanceof PerchError;

const isH264Slice = (first: number): boolean => (first & 0x1f) === 1 || (first & 0x1f) === 5;
const isH265Slice = (first: number): boolean => first >> 1 < 32;

/** In pixels, before cropping. @throws PerchError for formats that the decoder is built without, `smaller.patch` */
function readableSize(track: NalTrack): readonly [number, number] {
  const { width, height, isReadable } = track.codec === 'h264' ? h264Size(track) : h265Size(track);
  if (!isReadable) {
    throw new PerchError('unsupported', 'video whose profile, chroma format or bit depth is not read for blocks');
  }
  return [width, height];
}

function h264Size(track: H264Track) {
  const sps = parseH264Sps(track.sps);
  const isReadable =
    H264_PROFILES.includes(sps.profileIdc) &&
    sps.chromaFormatIdc === 1 &&
    sps.bitDepthLuma === 8 &&
    sps.bitDepthChroma === 8;
  return { width: sps.codedWidth, height: sps.codedHeight, isReadable };
}

function h265Size(track: H265Track) {
  const { chromaFormatIdc, bitDepthLuma, bitDepthChroma, coded } = parseH265Sps(track.sps);
  const isReadable = chromaFormatIdc <= 2 && H265_BITS.includes(bitDepthLuma) && bitDepthLuma === bitDepthChroma;
  return { ...coded, isReadable };
}
