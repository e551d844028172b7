/*
 * Samples to and from the worker, many per ArrayBuffer, which is transferred, not copied:
 * stamp 8
 * request bytes 8
 * per sample: job 4
 * data bytes 4
 * pts 8
 * wall 8
 * data, padded to 8
 *
 * A sample without data in a response says after how much of its job's sound since the start, in ms, the next frame may be complete (pts).
 */

const HEADER_BYTES = 16;
const RECORD_BYTES = 24;
const FIRST_BYTES = 16 << 10;

export class BatchWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = HEADER_BYTES;

  /** Copies the data. @param pts may be negative or fractional */
  add(job: number, pts: number, wall: number, data: Uint8Array): void {
    const at = this.#length;
    const end = at + RECORD_BYTES + padded(data.length);
    if (end > this.#bytes.length) {
      this.#grow(end);
    }
    this.#view.setUint32(at, job);
    this.#view.setUint32(at + 4, data.length);
    this.#view.setFloat64(at + 8, pts);
    this.#view.setFloat64(at + 16, wall);
    this.#bytes.set(data, at + RECORD_BYTES);
    this.#length = end;
  }

  /**
   * All samples added since the last call, in a buffer of their own.
   * @param stamp of a request: any number, returned by the response
   * @param requestBytes of a response: the size of its request
   */
  take(stamp: number, requestBytes = 0): ArrayBuffer {
    this.#view.setFloat64(0, stamp);
    this.#view.setFloat64(8, requestBytes);
    const batch = this.#bytes.buffer.slice(0, this.#length);
    this.#length = HEADER_BYTES;
    if (this.#bytes.length > 16 * FIRST_BYTES) {
      // The buffer grew for a GOP replay; that memory is not kept.
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

/** Called for each sample of a batch, in order. @param data a view of the batch */
type TakeRecord = (job: number, pts: number, wall: number, data: Uint8Array) => void;

export const stampOf = (batch: ArrayBuffer): number => new DataView(batch).getFloat64(0);
export const requestBytesOf = (batch: ArrayBuffer): number => new DataView(batch).getFloat64(8);

export function readBatch(batch: ArrayBuffer, onRecord: TakeRecord): void {
  const view = new DataView(batch);
  for (let at = HEADER_BYTES; at < batch.byteLength; ) {
    const length = view.getUint32(at + 4);
    const data = new Uint8Array(batch, at + RECORD_BYTES, length);
    onRecord(view.getUint32(at), view.getFloat64(at + 8), view.getFloat64(at + 16), data);
    at += RECORD_BYTES + padded(length);
  }
}

const padded = (bytes: number): number => (bytes + 7) & ~7;
