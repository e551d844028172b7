import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PerchError } from '../base/errors.ts';
import type { CodedPicture, Planes } from './contracts.ts';
import { decodeJpeg } from './jpeg-decoder.ts';

/** What `packaging/picture-decoder/decoder.c` exports. Addresses and sizes are in bytes. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  /** @returns the address; 0: out of memory */
  allocate(size: number): number;
  /** @returns negative: an error code of FFmpeg */
  configure(codec: number, record: number, size: number): number;
  decode(data: number, size: number, time: number, until: number): number;
  /** @returns the address of the numbers that `planesOf` reads; 0: no picture */
  picture(): number;
}

const PICTURE_NUMBERS = 19;
/** The size that makes `decode` output the pictures that the decoder still holds back. */
const NO_DATA = 0;

/** 64 KiB each: what the module begins with, and a picture of 8192 x 4320 with its reference. */
const PAGES = { initial: 3, maximum: 4_096 };
/** Pictures of 4K need less. */
const MAX_KEPT_BYTES = 64 << 20;

let compiled: WebAssembly.Module | undefined;
/** Of the last picture: a memory for each would wait for garbage collections, ten megabytes each. */
let kept: WebAssembly.Memory | undefined;

const newMemory = (): WebAssembly.Memory => new WebAssembly.Memory(PAGES);

/** An instance with an empty memory: damage by hostile bytes affects no other one. @throws PerchError if there is no memory */
export function newDecoder<T>(memory = newMemory): T {
  compiled ??= new WebAssembly.Module(readFileSync(join(import.meta.dirname, 'decoder.wasm')));
  try {
    const env = { memory: memory() };
    const { exports } = new WebAssembly.Instance(compiled, { env });
    (exports as unknown as { _initialize(): void })._initialize();
    return { ...exports, ...env } as T;
  } catch (error) {
    throw new PerchError('exhausted', 'no memory for a decoder of pictures', {}, error);
  }
}

function emptied(): WebAssembly.Memory {
  if (kept && kept.buffer.byteLength <= MAX_KEPT_BYTES) {
    new Uint8Array(kept.buffer).fill(0);
  } else {
    // Before the next one is made.
    kept = undefined;
    kept = newMemory();
  }
  return kept;
}

/**
 * Decodes in an instance of its own.
 * @returns the last picture up to `until`; views of the decoder's memory, valid until the next call
 * @throws PerchError for what cannot be decoded
 */
export function decodePicture({ codec, record, samples, until }: CodedPicture): Planes {
  if (codec === 'mjpeg') {
    const last = samples.findLast(({ time }) => time <= until);
    return { ...decodeJpeg(last?.data ?? new Uint8Array()), time: last?.time ?? 0 };
  }
  const decoder = newDecoder<Exports>(emptied);
  try {
    if (decoder.configure(codec === 'h265' ? 265 : 264, copyInto(decoder, record), record.length) < 0) {
      throw new PerchError('unsupported', `${codec} with parameters that the decoder of pictures does not take`);
    }
    for (const { data, time } of samples) {
      decoder.decode(copyInto(decoder, data), data.length, time, until);
    }
    decoder.decode(0, NO_DATA, 0, until);
  } catch (error) {
    // A trap: the decoder read outside of its memory, divided by zero, or recursed without end.
    throw error instanceof PerchError ? error : new PerchError('unsupported', 'the picture is damaged', {}, error);
  }
  const address = decoder.picture();
  if (address === 0) {
    throw new PerchError('unsupported', 'the picture is damaged, or of a kind that cannot be decoded');
  }
  return planesOf(decoder.memory.buffer, address);
}

function copyInto(decoder: Exports, bytes: Uint8Array): number {
  const address = decoder.allocate(bytes.length);
  if (address === 0) {
    throw new PerchError('unsupported', 'the picture takes more memory than the decoder of pictures has');
  }
  new Uint8Array(decoder.memory.buffer, address, bytes.length).set(bytes);
  return address;
}

function planesOf(memory: ArrayBuffer, address: number): Planes {
  const [width = 0, height = 0, bits = 0, count = 0, chromaX = 0, chromaY = 0, ...rest] = new Int32Array(
    memory,
    address,
    PICTURE_NUMBERS,
  );
  const [isFullRange, matrix = 0, isInterlaced, aspectWidth = 0, aspectHeight = 0, time = 0, faults = 0] =
    rest.slice(6);
  const Samples = bits > 8 ? Uint16Array : Uint8Array;
  const plane = (index: number) => {
    const rows = index === 0 ? height : -(-height >> chromaY);
    const stride = (rest[3 + index] ?? 0) / Samples.BYTES_PER_ELEMENT;
    return { samples: new Samples(memory, rest[index], stride * rows), stride };
  };
  return {
    width,
    height,
    bits,
    chromaX,
    chromaY,
    luma: plane(0),
    chroma: count > 1 ? [plane(1), plane(2)] : undefined,
    isFullRange: isFullRange === 1,
    matrix,
    isInterlaced: isInterlaced === 1,
    aspect: aspectWidth > 0 && aspectHeight > 0 ? aspectWidth / aspectHeight : 1,
    time,
    isDamaged: faults !== 0,
  };
}
