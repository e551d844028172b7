import type { FileHandle } from 'node:fs/promises';
import { PerchError } from '../../../base/errors.ts';
import { openRegularFile } from '../../../base/files/open-regular-file.ts';
import type { LocalRecording } from '../storage/contracts.ts';

/** Size of one read: a recorder's write waits for no more than one read. */
const READ_BYTES = 1 << 20;

/** Properties of a file that change when its content changes. */
interface Identity {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * A recording that is read for the archive. The file is open during reads only, so that the space of a recording that is deleted
 * meanwhile is freed at once. All reads share one buffer.
 */
export class LocalFile {
  readonly #name: string;
  readonly #identity: Identity;
  #buffer = Buffer.alloc(0);

  /** @throws PerchError unavailable: its disk fails; RecordingGone */
  static async find({ file }: LocalRecording): Promise<LocalFile> {
    const handle = await opened(file);
    try {
      return new LocalFile(file, await handle.stat());
    } catch (cause) {
      throw unreadable(file, cause);
    } finally {
      await handle.close();
    }
  }

  private constructor(name: string, { ino, size, mtimeMs }: Identity) {
    this.#name = name;
    this.#identity = { ino, size, mtimeMs };
  }

  get sizeBytes(): number {
    return this.#identity.size;
  }

  /** Reads exactly these bytes. The result is valid until the next call. @throws PerchError unavailable; RecordingGone */
  readonly read = async (position: number, length: number): Promise<Uint8Array> => {
    if (this.#buffer.length < length) {
      this.#buffer = Buffer.allocUnsafeSlow(length);
    }
    const handle = await opened(this.#name);
    try {
      if ((await handle.stat()).ino !== this.#identity.ino) {
        throw gone(this.#name);
      }
      await this.#fill(handle, position, length);
    } catch (cause) {
      throw cause instanceof PerchError ? cause : unreadable(this.#name, cause);
    } finally {
      await handle.close();
    }
    return this.#buffer.subarray(0, length);
  };

  /** Whether the file was changed or deleted since `find`. @throws PerchError unavailable */
  async state(): Promise<'same' | 'changed' | 'gone'> {
    const handle = await unlessGone(opened(this.#name));
    if (!handle) {
      return 'gone';
    }
    try {
      const { ino, size, mtimeMs } = await handle.stat();
      const { ino: inoThen, size: sizeThen, mtimeMs: mtimeThen } = this.#identity;
      return ino === inoThen && size === sizeThen && mtimeMs === mtimeThen ? 'same' : 'changed';
    } finally {
      await handle.close();
    }
  }

  async #fill(handle: FileHandle, position: number, length: number): Promise<void> {
    for (let done = 0; done < length; ) {
      const wanted = Math.min(READ_BYTES, length - done);
      const { bytesRead } = await handle.read(this.#buffer, done, wanted, position + done);
      if (bytesRead === 0) {
        throw new Error(`it ends at ${position + done} bytes`);
      }
      done += bytesRead;
    }
  }
}

/** Thrown when the recording is at fault, not the archive. */
export class UnreadableRecording extends PerchError {}

/** Thrown when the recording was deleted, or another file has its name. */
export class RecordingGone extends PerchError {}

async function opened(file: string): Promise<FileHandle> {
  try {
    return await openRegularFile(file, 'no links');
  } catch (cause) {
    throw (cause as NodeJS.ErrnoException).code === 'ENOENT' ? gone(file) : unreadable(file, cause);
  }
}

async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RecordingGone) {
      return undefined;
    }
    throw error;
  }
}

const gone = (file: string): RecordingGone => new RecordingGone('notFound', `${file} is gone`, { file });
const unreadable = (file: string, cause: unknown): UnreadableRecording =>
  new UnreadableRecording('unavailable', `cannot read ${file}`, { file }, cause);
