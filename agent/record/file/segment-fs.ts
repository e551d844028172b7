import { close, fdatasync, fstat, ftruncate, futimes, open, read, write, writev } from 'node:fs';
import { mkdir, unlink } from 'node:fs/promises';
import { syncFolder } from '../../base/durable-file.ts';
import { codeOf } from './disk-fault.ts';
import { nearestFolder } from './nearest-folder.ts';
import type { ReadableFile } from './readable-file.ts';

/**
 * Only a file's owner may set its times, and a mounted stick may have another owner. Other file systems store no times.
 */
const NO_TIMES = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP']);
/** Recordings may be outside the data folder, among other users' files. The group may read them. */
export const RECORDING_MODE = 0o640;

/** An open file. Nothing survives a power cut before `sync`. */
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

/** The file system for recordings and journals; tests simulate power cuts. */
export interface SegmentFs {
  /** `st_dev` of a folder or its nearest existing parent. */
  deviceOf(folder: string): Promise<number>;
  /** @returns the first folder created */
  makeFolder(folder: string): Promise<string | undefined>;
  /** Flushes a folder's names, if the file system supports it. */
  syncFolder(folder: string): Promise<void>;
  /** @throws EEXIST */
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
