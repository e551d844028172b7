/**
 * Memory of samples with reference counts instead of garbage collection: eight cameras produce 4 MB/s, and each 20 MB would make
 * V8 mark its whole heap.
 *
 * The receiver of a sample owns one hold on it; a component that keeps it takes another. A hold that is never released prevents
 * reuse only: the garbage collector frees the slab. So code without holds is safe.
 */
class Slab {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Takes the slab back after its last hold. */
  readonly pool: SlabPool;
  holds = 1;

  constructor(bytes: Uint8Array<ArrayBuffer>, pool: SlabPool) {
    this.bytes = bytes;
    this.pool = pool;
  }
}

const slabs = new WeakMap<ArrayBufferLike, Slab>();

/** About the number of slabs in a camera's GOP, at most 8 MB. */
const MAX_FREE = 16;
/** Slabs for key frames of many megabytes may be as large as a GOP: two of them suffice. */
const MAX_FREE_BYTES = 16 << 20;
/** Slabs taken between two trims: as many as may be free. */
const TRIM_EVERY = 16;

/** glibc maps a block of 128 kB or more with a header of 16 bytes, for which a slab of whole pages would take another one. */
const HEADER_BYTES = 32;

/** A usual size of slabs, up to 32 bytes less than asked for: the next power of two without what `malloc` adds. */
export const slabBytesFor = (bytes: number): number => 2 ** Math.ceil(Math.log2(bytes)) - HEADER_BYTES;

/** The slabs of one track. */
export class SlabPool {
  readonly #free: Slab[] = [];
  #freeBytes = 0;
  /** Slabs that were free at every moment since the last trim. */
  #minFree = 0;
  #takenSinceTrim = 0;

  /** A reused or new slab of at least this size. The caller owns its one hold. */
  take(wantedBytes: number): Uint8Array<ArrayBuffer> {
    const used = this.#takeFree(wantedBytes);
    this.#trim();
    if (used) {
      used.holds = 1;
      return used.bytes;
    }
    const slab = new Slab(new Uint8Array(wantedBytes), this);
    slabs.set(slab.bytes.buffer, slab);
    return slab.bytes;
  }

  /** The last hold on `slab` was released. */
  giveBack(slab: Slab): void {
    this.#free.push(slab);
    this.#freeBytes += slab.bytes.length;
    while (this.#free.length > MAX_FREE || this.#freeBytes > MAX_FREE_BYTES) {
      this.#freeBytes -= this.#free.shift()?.bytes.length ?? 0;
    }
  }

  /** The newest one whose size suits. Key frames take larger slabs than the pictures between them: both wait here. */
  #takeFree(wantedBytes: number): Slab | undefined {
    for (let i = this.#free.length - 1; i >= 0; i -= 1) {
      const slab = this.#free[i] as Slab;
      const { length } = slab.bytes;
      // A slab is at most this many times as large as what is wanted.
      if (length >= wantedBytes && length <= 4 * (wantedBytes + HEADER_BYTES)) {
        this.#free.splice(i, 1);
        this.#freeBytes -= length;
        return slab;
      }
    }
    return undefined;
  }

  /** Drops the slabs unused since the last trim: a disk that hangs for seconds makes more than are needed later. */
  #trim(): void {
    this.#takenSinceTrim += 1;
    this.#minFree = Math.min(this.#minFree, this.#free.length);
    if (this.#takenSinceTrim === TRIM_EVERY) {
      for (const unused of this.#free.splice(0, this.#minFree)) {
        this.#freeBytes -= unused.bytes.length;
      }
      this.#takenSinceTrim = 0;
      this.#minFree = this.#free.length;
    }
  }
}

/** @param data in a slab; other data is ignored */
export function hold(data: Uint8Array): void {
  const slab = slabs.get(data.buffer);
  if (slab) {
    slab.holds += 1;
  }
}

/** Releases one hold; afterwards the bytes may be reused. */
export function release(data: Uint8Array): void {
  const slab = slabs.get(data.buffer);
  if (slab) {
    slab.holds -= 1;
    if (slab.holds === 0) {
      slab.pool.giveBack(slab);
    }
  }
}
