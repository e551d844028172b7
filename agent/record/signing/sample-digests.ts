import { createHash, hash } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import type { ReadableFile } from '../file/segment-fs.ts';
import { DIGEST_BYTES } from './signed-group.ts';

const WINDOW_BYTES = 1 << 20;

export interface PlacedSample {
  /** Offset in the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Hashes samples of a file. Samples that lie together are read together. */
export class SampleDigests {
  readonly #handle: ReadableFile;
  readonly #window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #start = 0;
  #end = 0;
  /** Read so far. */
  readBytes = 0;

  constructor(handle: ReadableFile) {
    this.#handle = handle;
  }

  /** SHA-256 of each sample, concatenated. @throws PerchError if the file is shorter */
  async of(samples: readonly PlacedSample[]): Promise<Uint8Array> {
    const digests = new Uint8Array(samples.length * DIGEST_BYTES);
    for (const [i, sample] of samples.entries()) {
      digests.set(await this.#digest(sample), i * DIGEST_BYTES);
    }
    return digests;
  }

  async #digest({ offset, sizeBytes }: PlacedSample): Promise<Uint8Array> {
    if (sizeBytes <= WINDOW_BYTES) {
      await this.#fill(offset, sizeBytes);
      return hash('sha256', this.#window.subarray(offset - this.#start, offset - this.#start + sizeBytes), 'buffer');
    }
    const whole = createHash('sha256');
    for (let at = offset; at < offset + sizeBytes; ) {
      const pieceBytes = Math.min(WINDOW_BYTES, offset + sizeBytes - at);
      await this.#fill(at, pieceBytes);
      whole.update(this.#window.subarray(at - this.#start, at - this.#start + pieceBytes));
      at += pieceBytes;
    }
    return whole.digest();
  }

  async #fill(offset: number, sizeBytes: number): Promise<void> {
    if (offset >= this.#start && offset + sizeBytes <= this.#end) {
      return;
    }
    this.#start = offset;
    this.#end = offset;
    while (this.#end - offset < sizeBytes) {
      const filled = this.#end - offset;
      const { bytesRead } = await this.#handle.read(this.#window, filled, WINDOW_BYTES - filled, this.#end);
      if (bytesRead === 0) {
        throw new PerchError('badInput', `the file ends at ${this.#end} bytes, within a sample`);
      }
      this.#end += bytesRead;
      this.readBytes += bytesRead;
    }
  }
}
