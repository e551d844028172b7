import { MAX_READ_BYTES, type StoredFile } from './contracts.ts';

interface RemoteFileParts {
  readonly sizeBytes: number;
  readonly facts: string | undefined;
  /** @param length at most MAX_READ_BYTES */
  readonly read: (position: number, length: number, signal: AbortSignal) => Promise<Uint8Array>;
  readonly readTable: (signal: AbortSignal) => Promise<Uint8Array>;
  readonly readSignatures: (signal: AbortSignal) => Promise<Uint8Array | undefined>;
}

interface CachedRange {
  readonly position: number;
  readonly bytes: Uint8Array;
}

export class RemoteFile implements StoredFile {
  readonly facts: string | undefined;
  readonly #parts: RemoteFileParts;
  readonly #stop = new AbortController();
  #kept: CachedRange[] = [];

  constructor(parts: RemoteFileParts) {
    this.#parts = parts;
    this.facts = parts.facts;
  }

  async stat(): Promise<{ readonly size: number; readonly mtimeMs: number }> {
    return { size: this.#parts.sizeBytes, mtimeMs: 0 };
  }

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

  readTable(): Promise<Uint8Array> {
    return this.#parts.readTable(this.#stop.signal);
  }

  readSignatures(): Promise<Uint8Array | undefined> {
    return this.#parts.readSignatures(this.#stop.signal);
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
      const piece = Math.min(MAX_READ_BYTES, length - done);
      buffer.set(await this.#parts.read(position + done, piece, this.#stop.signal), offset + done);
      done += piece;
    }
  }
}
