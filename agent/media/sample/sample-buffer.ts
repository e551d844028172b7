import { copyBytes } from './copy-bytes.ts';
import { hold, release, SlabPool, slabBytesFor } from './slab.ts';

interface SampleBufferOptions {
  /** A unit may not grow beyond this. */
  readonly maxSampleBytes: number;
  readonly minSlabBytes: number;
  readonly maxSlabBytes: number;
}

/** An access unit of 8 MB is a 4K key frame at several hundred Mbit/s; larger ones are faults or attacks. */
export const VIDEO_SAMPLES: SampleBufferOptions = {
  maxSampleBytes: 8 << 20,
  minSlabBytes: 64 << 10,
  maxSlabBytes: 1 << 20,
};
/** Limits for frames of audio, which are much smaller. */
export const AUDIO_SAMPLES: SampleBufferOptions = {
  maxSampleBytes: 64 << 10,
  minSlabBytes: 4 << 10,
  maxSlabBytes: 64 << 10,
};

/** Typical units per slab: units rarely move, and a kept view holds little else. */
const SAMPLES_PER_SLAB = 8;
const LENGTH_BYTES = 4;
/** Below this size a loop is faster. */
const SMALL_COPY_BYTES = 32;
const NO_SLAB = new Uint8Array(0);

/**
 * Assembles units in their final form, so that each payload byte is copied once. Bytes are appended to a slab; a finished unit is a
 * view of it, and the next one follows. A unit that outgrows its slab moves to a new one, which is rare: a slab is replaced when less
 * than one and a half typical units fit.
 *
 * A slab is reused when every unit in it is released (`slab.ts`). The cost: a view keeps its whole slab alive. Samples are released in
 * the order of arrival (GOP cache, parts, segments), so at most one slab at each end is wasted: 1 MB at very high bit rates, 256 kB at
 * 4 Mbit/s and 25 frames/s, 64 kB for a small sub stream, 4 kB for audio. A component that keeps a sample for long copies it.
 */
export class SampleBuffer {
  readonly #options: SampleBufferOptions;
  readonly #pool = new SlabPool();
  #slab = NO_SLAB;
  #start = 0;
  #tail = 0;
  #nalStart = 0;
  #typicalBytes = 0;

  constructor(options: SampleBufferOptions) {
    this.#options = options;
  }

  /** The buffer of the unit, from `start` to `tail`; may change with each append. */
  get slab(): Uint8Array {
    return this.#slab;
  }

  get start(): number {
    return this.#start;
  }

  get tail(): number {
    return this.#tail;
  }

  /** Size of the unit so far. */
  get sizeBytes(): number {
    return this.#tail - this.#start;
  }

  /** Offset of the last NAL unit in `slab`. */
  get nalStart(): number {
    return this.#nalStart + LENGTH_BYTES;
  }

  /** Reserves the length of a NAL unit. False: the unit would exceed its limit; nothing is added. */
  beginNal(): boolean {
    if (!this.#hasRoom(LENGTH_BYTES)) {
      return false;
    }
    this.#nalStart = this.#tail;
    this.#tail += LENGTH_BYTES;
    return true;
  }

  /** Writes the length of the last NAL unit. */
  endNal(): void {
    const bytes = this.#tail - this.#nalStart - LENGTH_BYTES;
    const slab = this.#slab;
    const at = this.#nalStart;
    slab[at] = bytes >>> 24;
    slab[at + 1] = bytes >>> 16;
    slab[at + 2] = bytes >>> 8;
    slab[at + 3] = bytes;
  }

  /** Removes the last NAL unit. */
  cancelNal(): void {
    this.#tail = this.#nalStart;
  }

  appendByte(byte: number): boolean {
    if (!this.#hasRoom(1)) {
      return false;
    }
    this.#slab[this.#tail] = byte;
    this.#tail += 1;
    return true;
  }

  /** Copies `data[start, end)`. False: the unit would exceed its limit; nothing is added. */
  append(data: Uint8Array, start: number, end: number): boolean {
    const bytes = end - start;
    if (!this.#hasRoom(bytes)) {
      return false;
    }
    if (bytes <= SMALL_COPY_BYTES) {
      const slab = this.#slab;
      for (let from = start, to = this.#tail; from < end; from += 1, to += 1) {
        slab[to] = data[from] as number;
      }
    } else {
      copyBytes(data, start, end, this.#slab, this.#tail);
    }
    this.#tail += bytes;
    return true;
  }

  /** Returns the unit with one hold; its bytes are not overwritten before all holds are released. */
  take(): Uint8Array {
    const unit = this.#slab.subarray(this.#start, this.#tail);
    hold(unit);
    this.#typicalBytes += (unit.length - this.#typicalBytes) / 8;
    this.#start = this.#tail;
    this.#nalStart = this.#tail;
    if (this.#slab.length - this.#tail < 1.5 * this.#typicalBytes) {
      release(this.#slab);
      this.#slab = NO_SLAB;
      this.#start = 0;
      this.#tail = 0;
      this.#nalStart = 0;
    }
    return unit;
  }

  /** Drops the current unit. */
  drop(): void {
    this.#tail = this.#start;
    this.#nalStart = this.#start;
  }

  #hasRoom(bytes: number): boolean {
    if (this.#tail - this.#start + bytes > this.#options.maxSampleBytes) {
      return false;
    }
    if (bytes > this.#slab.length - this.#tail) {
      this.#makeRoom(bytes);
    }
    return true;
  }

  /** Moves the unit to a new slab. */
  #makeRoom(bytes: number): void {
    const { maxSampleBytes, minSlabBytes, maxSlabBytes } = this.#options;
    const size = this.sizeBytes;
    const needed = size + bytes;
    const usual = Math.min(Math.max(this.#typicalBytes * SAMPLES_PER_SLAB, minSlabBytes), maxSlabBytes);
    // The largest unit so far may still grow: doubling bounds the number of moves.
    const slabBytes = Math.min(Math.max(usual, 2 * needed), Math.max(maxSampleBytes, maxSlabBytes));
    const slab = this.#pool.take(Math.max(needed, slabBytesFor(slabBytes)));
    slab.set(this.#slab.subarray(this.#start, this.#tail));
    release(this.#slab);
    this.#nalStart -= this.#start;
    this.#slab = slab;
    this.#start = 0;
    this.#tail = size;
  }
}
