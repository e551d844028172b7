import { hold, release, SlabPool } from '../../../media/sample/slab.ts';

const MIN_SLAB_BYTES = 16 << 10;
const MAX_SLAB_BYTES = 1 << 20;
/** Usual parts per slab: a part that is still being sent retains little else. */
const PARTS_PER_SLAB = 8;
const NO_SLAB = new Uint8Array(0);

/** Memory for parts in reused slabs: parts are released in order. Larger parts are left to the garbage collector. */
export class PartMemory {
  readonly #pool = new SlabPool();
  #slab: Uint8Array<ArrayBuffer> = NO_SLAB;
  #tail = 0;
  #typicalBytes = 0;

  /** @returns bytes with one hold (`media/sample/slab.ts`) */
  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    this.#typicalBytes += this.#typicalBytes === 0 ? sizeBytes : (sizeBytes - this.#typicalBytes) / 8;
    if (sizeBytes > MAX_SLAB_BYTES) {
      return new Uint8Array(sizeBytes);
    }
    if (this.#tail + sizeBytes > this.#slab.length) {
      this.close();
      const usual = Math.min(Math.max(this.#typicalBytes * PARTS_PER_SLAB, MIN_SLAB_BYTES), MAX_SLAB_BYTES);
      this.#slab = this.#pool.take(2 ** Math.ceil(Math.log2(Math.max(usual, sizeBytes))));
    }
    const bytes = this.#slab.subarray(this.#tail, this.#tail + sizeBytes);
    this.#tail += sizeBytes;
    hold(bytes);
    return bytes;
  }

  /** Abandons the current slab. */
  close(): void {
    release(this.#slab);
    this.#slab = NO_SLAB;
    this.#tail = 0;
  }
}
