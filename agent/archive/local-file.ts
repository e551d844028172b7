import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PerchError } from '../base/errors.ts';
import type { LocalRecording } from './storage/contracts.ts';

/** Of one read: a recorder's write waits no longer than for this. */
const READ_BYTES = 1 << 20;

/** A recording that is read for the archive. Its parts share one buffer. */
export class LocalFile implements AsyncDisposable {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  readonly #name: string;
  readonly #mtimeMs: number;
  #buffer = Buffer.alloc(0);

  /** @returns undefined: it is gone. @throws PerchError unavailable: its disk fails */
  static async open({ file }: LocalRecording): Promise<LocalFile | undefined> {
    try {
      const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
      const { size, mtimeMs } = await handle.stat();
      return new LocalFile(handle, file, size, mtimeMs);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
        return undefined;
      }
      throw unreadable(file, cause);
    }
  }

  private constructor(handle: FileHandle, name: string, sizeBytes: number, mtimeMs: number) {
    this.#handle = handle;
    this.#name = name;
    this.sizeBytes = sizeBytes;
    this.#mtimeMs = mtimeMs;
  }

  /** Exactly these bytes, valid until the next call. @throws PerchError unavailable */
  readonly read = async (position: number, length: number): Promise<Uint8Array> => {
    if (this.#buffer.length < length) {
      this.#buffer = Buffer.allocUnsafeSlow(length);
    }
    let done = 0;
    while (done < length) {
      const wanted = Math.min(READ_BYTES, length - done);
      const { bytesRead } = await this.#handle.read(this.#buffer, done, wanted, position + done).catch((cause) => {
        throw unreadable(this.#name, cause);
      });
      if (bytesRead === 0) {
        throw unreadable(this.#name, new Error(`it ends at ${position + done} bytes`));
      }
      done += bytesRead;
    }
    return this.#buffer.subarray(0, length);
  };

  /** Nothing has changed it since it was opened. */
  async isSame(): Promise<boolean> {
    const { size, mtimeMs } = await this.#handle.stat();
    return size === this.sizeBytes && mtimeMs === this.#mtimeMs;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#handle.close();
  }
}

/** The recording is at fault, not the archive. */
export class UnreadableRecording extends PerchError {}

const unreadable = (file: string, cause: unknown): UnreadableRecording =>
  new UnreadableRecording('unavailable', `cannot read ${file}`, { file }, cause);
