/**
 * Memory of samples that is given back by count instead of by the collector: media are 4 MB/s for eight cameras, and each
 * 20 MB of it would make V8 mark its whole heap.
 *
 * The receiver of a sample owns one hold on it; a component that keeps it takes another. A hold that is never released
 * costs only the reuse: the collector frees the slab like any other. So code without holds is safe.
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

/** A camera's group of pictures (8 MB at most) fills some such number of its slabs. */
const MAX_FREE = 16;
/** Slabs for key frames of many megabytes may be as large as a group: two of them are enough to take turns. */
const MAX_FREE_BYTES = 16 << 20;
/** So many slabs later those that lay unused all the while are the collector's: longer than most groups of pictures. */
const LOOK_EVERY = 64;

/** The slabs of one track. */
export class SlabPool {
  readonly #free: Slab[] = [];
  #freeBytes = 0;
  #wantedBytes = 0;
  #leastFree = 0;
  #takenSinceLook = 0;

  /** A slab of at least this size, old or new. The taker holds it: `release` when it moves on. */
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

  /** A disk that stood still for some seconds had more slabs filled than are ever needed again. */
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

  /** Neither too small nor a waste: the stream's units may have become larger or smaller for good. */
  #fits({ bytes }: Slab): boolean {
    return bytes.length >= this.#wantedBytes && bytes.length <= 4 * this.#wantedBytes;
  }
}

/** @param data in a slab; anything else is the collector's, and nothing is done */
export function hold(data: Uint8Array): void {
  const slab = slabs.get(data.buffer);
  if (slab) {
    slab.holds += 1;
  }
}

/** Gives back one hold; afterwards the bytes may become those of another sample. */
export function release(data: Uint8Array): void {
  const slab = slabs.get(data.buffer);
  if (slab) {
    slab.holds -= 1;
    if (slab.holds === 0) {
      slab.home.giveBack(slab);
    }
  }
}
