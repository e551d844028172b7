import { hold, release, SlabPool } from './slab.ts';

interface SampleBufferOptions {
  /** A unit may not grow beyond this. */
  readonly maxSampleBytes: number;
  readonly minSlabBytes: number;
  readonly maxSlabBytes: number;
}

/** One 8 MB access unit is a 4K key frame at several hundred Mbit/s: more is an attack or a fault. */
export const VIDEO_SAMPLES: SampleBufferOptions = {
  maxSampleBytes: 8 << 20,
  minSlabBytes: 64 << 10,
  maxSlabBytes: 1 << 20,
};
export const AUDIO_SAMPLES: SampleBufferOptions = {
  maxSampleBytes: 64 << 10,
  minSlabBytes: 4 << 10,
  maxSlabBytes: 64 << 10,
};

/** So many typical units fill a slab: rarely does a unit have to move, and a kept view holds back little else. */
const SAMPLES_PER_SLAB = 16;
const LENGTH_BYTES = 4;
/** Below this a loop is faster than making a view for `set`. */
const SMALL_COPY_BYTES = 32;
const NO_SLAB = new Uint8Array(0);

/**
 * Where units are assembled in their final form, so that each payload byte is copied once. Bytes go to the tail of a slab;
 * a finished unit is handed out as a view of it and the next one follows. A unit that outgrows its slab moves to a new one,
 * which is rare: a slab is given up early when less than one and a half typical units would fit.
 *
 * A slab is used again when every unit in it has been released (`slab.ts`). The price: a view keeps its whole slab alive. Samples live and die in the order in which they came (group cache,
 * parts, segments), so at most one slab at each end of what is kept is held in vain: 1 MB at very high bit rates,
 * 512 kB at 4 Mbit/s and 25 frames/s, 64 kB for a small sub stream, 4 kB for sound. A component that keeps one sample for long copies it.
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

  /** The bytes that the unit lies in, from `start` to `tail`; changes with every append. */
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

  /** First byte of the NAL unit begun last, as a place in `slab`. */
  get nalStart(): number {
    return this.#nalStart + LENGTH_BYTES;
  }

  /** Leaves room for the length of a NAL unit. False: the unit would grow beyond its limit, nothing was added. */
  beginNal(): boolean {
    if (!this.#hasRoom(LENGTH_BYTES)) {
      return false;
    }
    this.#nalStart = this.#tail;
    this.#tail += LENGTH_BYTES;
    return true;
  }

  /** Writes the length of the NAL unit begun last: all that was appended since. */
  endNal(): void {
    const bytes = this.#tail - this.#nalStart - LENGTH_BYTES;
    const slab = this.#slab;
    const at = this.#nalStart;
    slab[at] = bytes >>> 24;
    slab[at + 1] = bytes >>> 16;
    slab[at + 2] = bytes >>> 8;
    slab[at + 3] = bytes;
  }

  /** Takes back the NAL unit begun last. */
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

  /** Copies `data[start, end)`. False: the unit would grow beyond its limit, nothing was added. */
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
      this.#slab.set(data.subarray(start, end), this.#tail);
    }
    this.#tail += bytes;
    return true;
  }

  /** Hands the unit out, with one hold on it; it is not written to before that and all others are released. */
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

  /** Forgets the unit so far. */
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
    // A unit that is larger than all before it may still grow: double, so that it moves a few times at most.
    const slabBytes = Math.min(Math.max(usual, 2 * needed), Math.max(maxSampleBytes, maxSlabBytes));
    const slab = this.#pool.take(2 ** Math.ceil(Math.log2(slabBytes)));
    slab.set(this.#slab.subarray(this.#start, this.#tail));
    release(this.#slab);
    this.#nalStart -= this.#start;
    this.#slab = slab;
    this.#start = 0;
    this.#tail = size;
  }
}
