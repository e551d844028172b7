import { createHash, type Hash } from 'node:crypto';
import { setImmediate as others } from 'node:timers/promises';
import type { Upload } from '../storage/contracts.ts';
import { BLOCK_BYTES, blockCount, blockStart, storedBytesOf } from './layout.ts';
import type { ObjectCipher } from './object-cipher.ts';

/** Blocks read and encrypted before yielding to the event loop. */
const BLOCKS_IN_TURN = 4;

/** Encrypts another upload. */
export class EncryptedUpload implements Upload {
  readonly key: string;
  readonly sizeBytes: number;
  readonly isMultipart: boolean;
  readonly pace: Upload['pace'];
  readonly checkPoint: Upload['checkPoint'];
  readonly unfinished: string | undefined;
  readonly begun: Upload['begun'];
  readonly signal: AbortSignal;
  readonly #upload: Upload;
  readonly #cipher: ObjectCipher;
  #buffer = Buffer.alloc(0);
  /** SHA-256 of the recording, as far as it was read from its beginning. */
  #hash: Hash = createHash('sha256');
  #hashedBytes = 0;

  constructor(upload: Upload, cipher: ObjectCipher) {
    const { key, sizeBytes, isMultipart = false, pace, checkPoint, unfinished, begun, signal } = upload;
    this.key = key;
    this.sizeBytes = storedBytesOf(sizeBytes);
    this.isMultipart = isMultipart;
    this.pace = pace;
    this.checkPoint = checkPoint;
    this.unfinished = unfinished;
    this.begun = begun;
    this.signal = signal;
    this.#upload = upload;
    this.#cipher = cipher;
  }

  /** SHA-256 of the recording in hex. Valid only after all of it was read. */
  get sha256(): string {
    if (this.#hashedBytes !== this.#upload.sizeBytes) {
      throw new Error(`${this.#hashedBytes} of ${this.#upload.sizeBytes} bytes were read`);
    }
    return this.#hash.copy().digest('hex');
  }

  readonly sent = (bytes: number): void => {
    const { sizeBytes } = this.#upload;
    this.#upload.sent(
      bytes === this.sizeBytes ? sizeBytes : Math.min(sizeBytes, blockStart(Math.floor(bytes / BLOCK_BYTES))),
    );
  };

  /** @param position that of a block, because every part begins with one */
  readonly read = async (position: number, length: number): Promise<Uint8Array> => {
    const end = position + length;
    if (position % BLOCK_BYTES !== 0 || (end % BLOCK_BYTES !== 0 && end !== this.sizeBytes)) {
      throw new Error(`${position} to ${end} are no whole blocks`);
    }
    if (this.#buffer.length < length) {
      this.#buffer = Buffer.allocUnsafeSlow(length);
    }
    const [first, endBlock] = [position / BLOCK_BYTES, blockCount(end)];
    for (let block = first, at = 0; block < endBlock; block += BLOCKS_IN_TURN) {
      at = await this.#sealFrom(block, Math.min(endBlock, block + BLOCKS_IN_TURN), at);
      await others();
    }
    return this.#buffer.subarray(0, length);
  };

  /** @returns the end of the bytes written to the buffer */
  async #sealFrom(first: number, endBlock: number, at: number): Promise<number> {
    const { sizeBytes, read } = this.#upload;
    const start = blockStart(first);
    const content = await read(start, Math.min(sizeBytes, blockStart(endBlock)) - start);
    this.#add(content, start);
    const lastBlock = blockCount(this.sizeBytes) - 1;
    let written = at;
    for (let block = first; block < endBlock; block += 1) {
      const bytes = content.subarray(blockStart(block) - start, blockStart(block + 1) - start);
      written = this.#cipher.seal(bytes, block, block === lastBlock, this.#buffer, written);
    }
    return written;
  }

  #add(content: Uint8Array, position: number): void {
    if (position === 0) {
      this.#hash = createHash('sha256');
      this.#hashedBytes = 0;
    }
    if (position === this.#hashedBytes) {
      this.#hash.update(content);
      this.#hashedBytes += content.length;
    }
  }
}
