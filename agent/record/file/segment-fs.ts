import { close, fdatasync, fstat, ftruncate, futimes, open, read, write, writev } from 'node:fs';
import { mkdir, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../base/files/durable-file.ts';
import { codeOf } from './disk-fault.ts';

/** Codes for unsupported file times. Only a file's owner may set them, and a mounted stick may have another owner. */
const NO_TIMES = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP']);
/** Recordings may be outside the data folder, among other users' files. The group may read them. */
export const RECORDING_MODE = 0o640;

/** An open file: Node's `FileHandle` or a test's. */
export interface ReadableFile {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  stat(): Promise<{ readonly size: number; readonly mtimeMs: number }>;
}

/** Nothing survives a power cut before `sync`. */
export interface SegmentHandle extends ReadableFile {
  /** `st_dev`: equal on the same disk. */
  readonly device: number;
  /** Appends with a callback, since it runs for every part. Fewer written bytes than given: the disk is full. */
  append(pieces: Uint8Array[], done: (error: Error | null, writtenBytes: number) => void): void;
  write(bytes: Uint8Array, at: number): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /** Flushes bytes and length, not times. */
  sync(): Promise<void>;
  /** Best effort. @param startMs,endMs Unix milliseconds: atime and mtime */
  setTimes(startMs: number, endMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface SegmentFs {
  /** `st_dev` of a folder or its nearest existing parent. */
  deviceOf(folder: string): Promise<number>;
  makeFolder(folder: string): Promise<string | undefined>;
  /** Flushes a folder's names, if the file system supports it. */
  syncFolder(folder: string): Promise<void>;
  create(file: string): Promise<SegmentHandle>;
  /** `a+` creates the file and appends. */
  open(file: string, mode: 'r' | 'r+' | 'a+'): Promise<SegmentHandle>;
  unlink(file: string): Promise<void>;
}

export const diskFs: SegmentFs = {
  deviceOf: async (folder) => (await nearestFolder(folder)).device,
  makeFolder: (folder) => mkdir(folder, { recursive: true }),
  syncFolder,
  create: (file) => openHandle(file, 'wx'),
  open: openHandle,
  unlink,
};

/** A folder, or its nearest existing parent, and its disk (`st_dev`). */
export async function nearestFolder(folder: string): Promise<{ readonly at: string; readonly device: number }> {
  for (let at = folder; ; at = dirname(at)) {
    try {
      return { at, device: (await stat(at)).dev };
    } catch (error) {
      const isMissing = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
      if (!isMissing || at === dirname(at)) {
        throw error;
      }
    }
  }
}

async function openHandle(file: string, flags: string): Promise<SegmentHandle> {
  const fd = await called<number>((done) => open(file, flags, RECORDING_MODE, done));
  try {
    const { dev } = await called<{ dev: number }>((done) => fstat(fd, done));
    return new DiskHandle(fd, dev);
  } catch (error) {
    close(fd, () => {});
    throw error;
  }
}

/** A bare descriptor: a part costs one call and one callback. */
class DiskHandle implements SegmentHandle {
  readonly device: number;
  readonly #fd: number;

  constructor(fd: number, device: number) {
    this.#fd = fd;
    this.device = device;
  }

  append(pieces: Uint8Array[], done: (error: Error | null, writtenBytes: number) => void): void {
    writev(this.#fd, pieces, done);
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    const written = await called<number>((done) => write(this.#fd, bytes, 0, bytes.length, at, done));
    if (written < bytes.length) {
      throw diskFull(written, bytes.length);
    }
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    return { bytesRead: await called<number>((done) => read(this.#fd, buffer, offset, length, position, done)) };
  }

  stat(): Promise<{ size: number; mtimeMs: number }> {
    return called((done) => fstat(this.#fd, done));
  }

  truncate(sizeBytes: number): Promise<void> {
    return called((done) => ftruncate(this.#fd, sizeBytes, done));
  }

  sync(): Promise<void> {
    return called((done) => fdatasync(this.#fd, done));
  }

  setTimes(startMs: number, endMs: number): Promise<void> {
    return called((done) =>
      futimes(this.#fd, startMs / 1000, endMs / 1000, (error) => done(NO_TIMES.has(codeOf(error)) ? null : error)),
    );
  }

  close(): Promise<void> {
    return called((done) => close(this.#fd, done));
  }
}

/** A short write means the disk is full. */
export function diskFull(writtenBytes: number, wantedBytes: number): Error {
  return Object.assign(new Error(`wrote ${writtenBytes} of ${wantedBytes} bytes`), { code: 'ENOSPC' });
}

function called<T>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value as T))));
}
