import type { ReadableFile } from '../../../agent/record/file/segment-fs.ts';

/** Bytes as a file that can be read repeatedly. */
export class MemoryFile implements ReadableFile {
  /** Apparent size of the file: the bytes after it are missing. */
  sizeBytes: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.sizeBytes = bytes.length;
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const bytesRead = Math.max(0, Math.min(length, this.sizeBytes - position));
    buffer.set(this.#bytes.subarray(position, position + bytesRead), offset);
    return { bytesRead };
  }

  async stat(): Promise<{ size: number; mtimeMs: number }> {
    return { size: this.sizeBytes, mtimeMs: 0 };
  }
}
