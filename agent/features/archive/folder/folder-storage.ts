import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../../../base/files/durable-file.ts';
import { openRegularFile } from '../../../base/files/open-regular-file.ts';
import type { ArchiveStorage, StoredObject, Upload } from '../storage/contracts.ts';
import { archiveFailure, folderFailure } from '../storage/failure.ts';
import { type Progress, unlessHung } from './hung-disk.ts';

const CHUNK_BYTES = 1 << 20;
/** Bytes written between two flushes: a slow disk flushes that many within seconds. */
const SYNC_BYTES = 16 << 20;
/** File in the box's own folder which shows that the disk is mounted. */
const MARK = '.perch-archive';
/** File of the one recording that is being copied. An interrupted copy is continued as far as it equals the recording. */
const DRAFT = 'incoming.part';
/** Space that stays free on the archive's disk, which may also hold the system or recordings. */
const MAX_RESERVE_BYTES = 1 << 30;
const RESERVE_SHARE = 0.05;

/** Mode of the copies, the same as that of the recordings. */
const COPY_MODE = 0o640;

interface FolderStorageOptions {
  /** An existing folder: if it is absent, the disk is not mounted. */
  readonly folder: string;
  /** `PREFIX/BOX/` */
  readonly own: string;
  /** Whether the mark was made before. If it was and is absent now, the disk is not mounted. */
  readonly isMarked: boolean;
}

/** Recordings in a folder of a NAS or of a second disk. */
export class FolderStorage implements ArchiveStorage {
  readonly #top: string;
  readonly #own: string;
  #isMarked: boolean;

  constructor({ folder, own, isMarked }: FolderStorageOptions) {
    this.#top = folder;
    this.#own = own;
    this.#isMarked = isMarked;
  }

  put(upload: Upload): Promise<string> {
    return this.#guard(async (progress) => {
      await this.#requireDisk();
      const file = join(this.#top, upload.key);
      const { sizeBytes, signal } = upload;
      const readBack = (name: string) => hashOfFile(name, sizeBytes, signal, progress);
      if ((await sizeOf(file)) === sizeBytes) {
        const sha256 = await progress.elsewhere(hashOf(upload));
        if (sha256 === (await readBack(file))) {
          upload.sent(sizeBytes);
          return sha256;
        }
      }
      const draft = join(this.#top, this.#own, DRAFT);
      if (upload.unfinished === undefined) {
        await rm(draft, { force: true });
        await progress.elsewhere(upload.begun(DRAFT));
      }
      await this.#requireSpace(sizeBytes - ((await sizeOf(draft)) ?? 0));
      const sha256 = await this.#copy(draft, upload, progress);
      if ((await readBack(draft)) !== sha256) {
        throw archiveFailure('damaged', `${this.#top} has other bytes than were written: check its disk`);
      }
      await makeFolders(this.#top, dirname(file));
      await rename(draft, file);
      await syncFolder(dirname(file));
      return sha256;
    });
  }

  read(key: string, position: number, length: number): Promise<Uint8Array> {
    return this.#guard(async () => {
      const handle = await this.#open(key);
      try {
        const buffer = Buffer.allocUnsafe(length);
        await readFully(handle, buffer, position, key);
        return buffer;
      } finally {
        await handle.close();
      }
    });
  }

  sizeOf(key: string): Promise<number> {
    return this.#guard(async () => {
      const size = await sizeOf(join(this.#top, key));
      if (size === undefined) {
        // A folder that is not mounted is `missing`.
        await stat(join(this.#top, this.#own, MARK));
        throw archiveFailure('gone', `${this.#top} no longer has this recording`);
      }
      return size;
    });
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
    const requireMark = () => this.#guard(async () => (this.#isMarked ? this.#requireDisk() : undefined));
    await requireMark();
    const top = join(this.#top, prefix);
    yield* this.#below(top, prefix.replace(/\/+$/, ''), 0, signal);
    // If the disk was removed meanwhile, the list is incomplete.
    await requireMark();
  }

  remove(key: string): Promise<void> {
    return this.#guard(async () => {
      await this.#requireDisk();
      await unlink(join(this.#top, key)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') {
          throw error;
        }
      });
    });
  }

  removeUnfinished(_prefix: string, kept: string | undefined): Promise<void> {
    return this.#guard(async () => {
      await this.#requireDisk();
      if (kept === undefined) {
        await rm(join(this.#top, this.#own, DRAFT), { force: true });
      }
    });
  }

  close(): void {}

  /** @throws PerchError gone: the disk is mounted and lacks the file */
  async #open(key: string): Promise<FileHandle> {
    try {
      return await openRegularFile(join(this.#top, key), 'no links');
    } catch (error) {
      const isThere = (await sizeOf(join(this.#top, this.#own, MARK))) !== undefined;
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && isThere) {
        throw archiveFailure('gone', `${this.#top} no longer has this recording`, error);
      }
      throw error;
    }
  }

  /** @throws PerchError missing: writing would fill the disk below the mount point */
  async #requireDisk(): Promise<void> {
    const own = join(this.#top, this.#own);
    const mark = join(own, MARK);
    if (this.#isMarked) {
      await stat(mark).catch((cause: unknown) => {
        throw archiveFailure(
          'missing',
          `${own} has lost its mark ${MARK}: is its disk mounted? A new disk needs another archivePrefix`,
          cause,
        );
      });
      return;
    }
    await stat(this.#top);
    await makeFolders(this.#top, own);
    const handle = await open(mark, 'a');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncFolder(own);
    this.#isMarked = true;
  }

  /** @throws PerchError full */
  async #requireSpace(sizeBytes: number): Promise<void> {
    const { bavail, blocks, bsize } = await statfs(this.#top);
    const reserveBytes = Math.min(MAX_RESERVE_BYTES, blocks * bsize * RESERVE_SHARE);
    if (bavail * bsize < sizeBytes + reserveBytes) {
      const freeMib = Math.floor((bavail * bsize) / (1 << 20));
      throw archiveFailure('full', `the disk of ${this.#top} is nearly full: ${freeMib} MiB are free`);
    }
  }

  async #copy(
    draft: string,
    { sizeBytes, read, pace, checkPoint, sent }: Upload,
    { answered, elsewhere }: Progress,
  ): Promise<string> {
    const digest = createHash('sha256');
    const handle = await open(draft, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, COPY_MODE);
    try {
      let foundBytes = (await handle.stat()).size;
      let writtenBytes = 0;
      for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
        checkPoint();
        const chunk = await elsewhere(read(at, Math.min(CHUNK_BYTES, sizeBytes - at)));
        digest.update(chunk);
        if (!(at + chunk.length <= foundBytes && (await hasAt(handle, at, chunk)))) {
          foundBytes = 0;
          await elsewhere(pace(chunk.length));
          for (let done = 0; done < chunk.length; ) {
            done += (await handle.write(chunk, done, chunk.length - done, at + done)).bytesWritten;
          }
          writtenBytes += chunk.length;
          if (writtenBytes >= SYNC_BYTES) {
            writtenBytes = 0;
            await handle.datasync();
          }
        }
        answered();
        sent(at + chunk.length);
      }
      await handle.truncate(sizeBytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return digest.digest('hex');
  }

  async *#below(folder: string, key: string, depth: number, signal: AbortSignal): AsyncGenerator<StoredObject> {
    const entries = await this.#guard(() => readdir(folder, { withFileTypes: true }).catch(absent));
    for (const entry of entries) {
      if (signal.aborted) {
        return;
      }
      const name = `${key}/${entry.name}`;
      // Nested folders are those of the path and the day.
      if (entry.isDirectory() && depth < 300) {
        yield* this.#below(join(folder, entry.name), name, depth + 1, signal);
      } else if (entry.isFile()) {
        const sizeBytes = await this.#guard(() => sizeOf(join(folder, entry.name)));
        yield { key: name, sizeBytes: sizeBytes ?? 0 };
      }
    }
  }

  async #guard<T>(work: (progress: Progress) => Promise<T>): Promise<T> {
    try {
      return await unlessHung(this.#top, work);
    } catch (error) {
      throw isFileError(error) ? folderFailure(error, this.#top) : error;
    }
  }
}

const isFileError = (error: unknown): boolean =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';

function absent(error: NodeJS.ErrnoException): never[] {
  if (error.code === 'ENOENT') {
    return [];
  }
  throw error;
}

/** Size of a file in bytes. */
const sizeOf = (file: string): Promise<number | undefined> =>
  stat(file).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
        return undefined;
      }
      throw error;
    },
  );

/** Creates the folders below `top`, and makes their names survive a power cut. */
async function makeFolders(top: string, folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) {
    return;
  }
  for (let made = folder; made.length > top.length && made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

async function hashOf({ sizeBytes, read, checkPoint }: Upload): Promise<string> {
  const digest = createHash('sha256');
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
    checkPoint();
    digest.update(await read(at, Math.min(CHUNK_BYTES, sizeBytes - at)));
  }
  return digest.digest('hex');
}

async function hashOfFile(
  file: string,
  sizeBytes: number,
  signal: AbortSignal,
  { answered }: Progress,
): Promise<string> {
  const digest = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const handle = await openRegularFile(file, 'no links');
  try {
    for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
      signal.throwIfAborted();
      answered();
      const chunk = buffer.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - at));
      await readFully(handle, chunk, at, file);
      digest.update(chunk);
    }
  } finally {
    await handle.close();
  }
  return digest.digest('hex');
}

async function hasAt(handle: FileHandle, position: number, wanted: Uint8Array): Promise<boolean> {
  const found = Buffer.allocUnsafe(wanted.length);
  await readFully(handle, found, position, DRAFT);
  return found.equals(wanted);
}

async function readFully(handle: FileHandle, buffer: Uint8Array, position: number, name: string): Promise<void> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) {
      throw archiveFailure('damaged', `${name} ends at ${position + done} bytes`);
    }
    done += bytesRead;
  }
}
