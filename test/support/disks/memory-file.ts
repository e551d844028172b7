import type { ReadableFile } from '../../../agent/record/file/readable-file.ts';

/** Bytes as a file, to be read as often as a test likes. */
export class MemoryFile implements ReadableFile {
  /** What lies behind is not there. */
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
