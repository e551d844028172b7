import { PerchError } from '../../base/errors.ts';
import type { ReadableFile } from '../file/segment-fs.ts';

/** A recording that is open for reading: Node's `FileHandle`, or a `RangeFile`. */
export interface StoredMedia extends ReadableFile {
  /** Ends pending reads. */
  abort?(): void;
  /** Reads the signatures of a recording that is not on a disk, if there are any. */
  readSignatures?(): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

interface RangeFileParts {
  readonly sizeBytes: number;
  /** Facts of the recording, written by `writeFacts`, or undefined if not yet read. */
  readonly facts?: string | undefined;
  /** Reads exactly these bytes. @param length at most MAX_RANGE_BYTES */
  readonly read: (position: number, length: number, signal: AbortSignal) => Promise<Uint8Array>;
  readonly readTable?: (signal: AbortSignal) => Promise<Uint8Array>;
  readonly readSignatures?: (signal: AbortSignal) => Promise<Uint8Array | undefined>;
}

/** Longest range of one read. */
export const MAX_RANGE_BYTES = 16 << 20;

/** A recording in an archive or on another box, which is read by ranges. Its bytes never change. */
export class RangeFile implements StoredMedia {
  readonly facts: string | undefined;
  readonly #parts: RangeFileParts;
  readonly #stop = new AbortController();
  #kept: { readonly position: number; readonly bytes: Uint8Array }[] = [];

  constructor(parts: RangeFileParts) {
    this.#parts = parts;
    this.facts = parts.facts;
  }

  async stat(): Promise<{ readonly size: number; readonly mtimeMs: number }> {
    return { size: this.#parts.sizeBytes, mtimeMs: 0 };
  }

  /** Reads a range in advance; it stays in memory until the file is closed. */
  async keep(position: number, length: number): Promise<void> {
    const bytes = new Uint8Array(length);
    await this.#fetch(bytes, 0, length, position);
    this.#kept.push({ position, bytes });
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }> {
    const bytesRead = Math.max(0, Math.min(length, this.#parts.sizeBytes - position));
    const kept = this.#kept.find(
      (one) => position >= one.position && position + bytesRead <= one.position + one.bytes.length,
    );
    if (kept) {
      const from = position - kept.position;
      buffer.set(kept.bytes.subarray(from, from + bytesRead), offset);
    } else {
      await this.#fetch(buffer, offset, bytesRead, position);
    }
    return { bytesRead };
  }

  /** Reads the table of an MPEG-TS recording. @throws PerchError notFound: the store has none */
  async readTable(): Promise<Uint8Array> {
    const { readTable } = this.#parts;
    if (!readTable) {
      throw new PerchError('notFound', 'the recording has no table of its own');
    }
    return readTable(this.#stop.signal);
  }

  async readSignatures(): Promise<Uint8Array | undefined> {
    return this.#parts.readSignatures?.(this.#stop.signal);
  }

  abort(): void {
    this.#stop.abort();
  }

  async close(): Promise<void> {
    this.abort();
    this.#kept = [];
  }

  async #fetch(buffer: Uint8Array, offset: number, length: number, position: number): Promise<void> {
    for (let done = 0; done < length; ) {
      const piece = Math.min(MAX_RANGE_BYTES, length - done);
      buffer.set(await this.#parts.read(position + done, piece, this.#stop.signal), offset + done);
      done += piece;
    }
  }
}
