import { hold, release, SlabPool, slabBytesFor } from '../../../media/sample/slab.ts';

/** Usual parts per slab: those at both ends of what is kept retain little else. */
const PARTS_PER_SLAB = 4;
const NO_SLAB: Buffer = Buffer.alloc(0);

/**
 * Memory for parts in reused slabs: parts are released in order. Each slab is filled to its end, so a part may consist of several
 * pieces.
 */
export class PartMemory {
  readonly #pool = new SlabPool();
  #slab = NO_SLAB;
  /** Start of the current piece, and the end of what is written. */
  #start = 0;
  #tail = 0;
  /** Whole pieces of the current part. */
  #pieces: Buffer[] = [];
  #typicalBytes = 0;

  /** Begins a part. @param sizeBytes of all that will be written */
  begin(sizeBytes: number): void {
    // There are some when `write` got no memory for the part before.
    this.take().forEach(release);
    this.#typicalBytes += this.#typicalBytes === 0 ? sizeBytes : (sizeBytes - this.#typicalBytes) / 8;
  }

  /** Appends a copy to the current part. */
  write(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#tail === this.#slab.length) {
        this.#nextSlab();
      }
      const room = this.#slab.length - this.#tail;
      const fitting = rest.length > room ? rest.subarray(0, room) : rest;
      this.#slab.set(fitting, this.#tail);
      this.#tail += fitting.length;
      rest = rest.subarray(fitting.length);
    }
  }

  /** Ends the current part. @returns its pieces with one hold each (`media/sample/slab.ts`) */
  take(): readonly Buffer[] {
    this.#endPiece();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  /** Abandons the current slab. */
  close(): void {
    release(this.#slab);
    this.#slab = NO_SLAB;
    this.#start = 0;
    this.#tail = 0;
  }

  #nextSlab(): void {
    this.#endPiece();
    this.close();
    // At both ends of what is kept a slab is half empty: those of 256 kB take 5 MB more for eight cameras.
    const usual = Math.min(Math.max(this.#typicalBytes * PARTS_PER_SLAB, 16 << 10), 128 << 10);
    // Sockets would wrap any other type in a Buffer at each write.
    this.#slab = Buffer.from(this.#pool.take(slabBytesFor(usual)).buffer);
  }

  #endPiece(): void {
    if (this.#tail > this.#start) {
      const piece = this.#slab.subarray(this.#start, this.#tail);
      hold(piece);
      this.#pieces.push(piece);
      this.#start = this.#tail;
    }
  }
}
