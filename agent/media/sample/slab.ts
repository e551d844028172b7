/**
 * Memory of samples with reference counts instead of garbage collection: eight cameras produce 4 MB/s, and each 20 MB would make
 * V8 mark its whole heap.
 *
 * The receiver of a sample owns one hold on it; a component that keeps it takes another. A hold that is never released prevents
 * reuse only: the garbage collector frees the slab. So code without holds is safe.
 */
class Slab {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly home: SlabPool;
  holds = 1;

  constructor(bytes: Uint8Array<ArrayBuffer>, home: SlabPool) {
    this.bytes = bytes;
    this.home = home;
  }
}

const slabs = new WeakMap<ArrayBufferLike, Slab>();

/** About the number of slabs in a camera's GOP, at most 8 MB. */
const MAX_FREE = 16;
/** Slabs for key frames of many megabytes may be as large as a GOP: two of them suffice. */
const MAX_FREE_BYTES = 16 << 20;
/** Slabs unused for this many slabs are freed: longer than most GOPs. */
const LOOK_EVERY = 64;

/** The slabs of one track. */
export class SlabPool {
  readonly #free: Slab[] = [];
  #freeBytes = 0;
  #wantedBytes = 0;
  #leastFree = 0;
  #takenSinceLook = 0;

  /** A reused or new slab of at least this size, with a hold of the caller. */
  take(wantedBytes: number): Uint8Array<ArrayBuffer> {
    this.#wantedBytes = wantedBytes;
    for (let used = this.#free.pop(); used; used = this.#free.pop()) {
      this.#freeBytes -= used.bytes.length;
      if (this.#fits(used)) {
        used.holds = 1;
        this.#look();
        return used.bytes;
      }
    }
    this.#look();
    const slab = new Slab(new Uint8Array(wantedBytes), this);
    slabs.set(slab.bytes.buffer, slab);
    return slab.bytes;
  }

  /** The last hold on `slab` was released. */
  giveBack(slab: Slab): void {
    const freeBytes = this.#freeBytes + slab.bytes.length;
    if (this.#fits(slab) && this.#free.length < MAX_FREE && freeBytes <= MAX_FREE_BYTES) {
      this.#free.push(slab);
      this.#freeBytes = freeBytes;
    }
  }

  /** A disk that hangs for seconds fills more slabs than are needed later. */
  #look(): void {
    this.#takenSinceLook += 1;
    this.#leastFree = Math.min(this.#leastFree, this.#free.length);
    if (this.#takenSinceLook === LOOK_EVERY) {
      for (const unused of this.#free.splice(0, this.#leastFree)) {
        this.#freeBytes -= unused.bytes.length;
      }
      this.#takenSinceLook = 0;
      this.#leastFree = this.#free.length;
    }
  }

  /** Whether its size suits the stream's current units. */
  #fits({ bytes }: Slab): boolean {
    return bytes.length >= this.#wantedBytes && bytes.length <= 4 * this.#wantedBytes;
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
      slab.home.giveBack(slab);
    }
  }
}
