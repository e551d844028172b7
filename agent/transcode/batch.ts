/*
 * What goes to the worker and back, many samples in one piece of memory that is handed over and not copied:
 *   stamp 8 | request bytes 8 | then for each sample: lane 4 | data bytes 4 | pts 8 | wall 8 | data, padded to 8
 */

const HEADER_BYTES = 16;
const RECORD_BYTES = 24;
const FIRST_BYTES = 16 << 10;

export class BatchWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = HEADER_BYTES;

  /** The data are copied. @param pts may be negative or have a fraction */
  add(lane: number, pts: number, wall: number, data: Uint8Array): void {
    const at = this.#length;
    const end = at + RECORD_BYTES + padded(data.length);
    if (end > this.#bytes.length) {
      this.#grow(end);
    }
    this.#view.setUint32(at, lane);
    this.#view.setUint32(at + 4, data.length);
    this.#view.setFloat64(at + 8, pts);
    this.#view.setFloat64(at + 16, wall);
    this.#bytes.set(data, at + RECORD_BYTES);
    this.#length = end;
  }

  /**
   * All that was added since the last time, in memory of its own.
   * @param stamp of a request: any number; an answer gives it back
   * @param requestBytes of an answer: how large its request was
   */
  take(stamp: number, requestBytes = 0): ArrayBuffer {
    this.#view.setFloat64(0, stamp);
    this.#view.setFloat64(8, requestBytes);
    const batch = this.#bytes.buffer.slice(0, this.#length);
    this.#length = HEADER_BYTES;
    if (this.#bytes.length > 16 * FIRST_BYTES) {
      // A replay was in it: not to be kept for ever.
      this.#bytes = new Uint8Array(FIRST_BYTES);
      this.#view = new DataView(this.#bytes.buffer);
    }
    return batch;
  }

  #grow(wanted: number): void {
    const grown = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Told of each sample of a batch, in their order. @param data a view of the batch */
export type TakeRecord = (lane: number, pts: number, wall: number, data: Uint8Array) => void;

export const stampOf = (batch: ArrayBuffer): number => new DataView(batch).getFloat64(0);
export const requestBytesOf = (batch: ArrayBuffer): number => new DataView(batch).getFloat64(8);

export function readBatch(batch: ArrayBuffer, take: TakeRecord): void {
  const view = new DataView(batch);
  for (let at = HEADER_BYTES; at < batch.byteLength; ) {
    const length = view.getUint32(at + 4);
    const data = new Uint8Array(batch, at + RECORD_BYTES, length);
    take(view.getUint32(at), view.getFloat64(at + 8), view.getFloat64(at + 16), data);
    at += RECORD_BYTES + padded(length);
  }
}

const padded = (bytes: number): number => (bytes + 7) & ~7;
