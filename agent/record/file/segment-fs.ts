import { close, fdatasync, fstat, ftruncate, futimes, open, read, write, writev } from 'node:fs';
import { mkdir, unlink } from 'node:fs/promises';
import { syncFolder } from '../../base/durable-file.ts';
import { codeOf } from './disk-fault.ts';
import { nearestFolder } from './nearest-folder.ts';
import type { ReadableFile } from './readable-file.ts';

/** Who may write a file need not be its owner, who alone may set its times: so are sticks mounted. Others keep no times. */
const NO_TIMES = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP']);
/** Recordings may lie outside the data folder, where other users of the machine come by. The group can be let in to read them. */
export const RECORDING_MODE = 0o640;

/** An open file. Nothing here survives a power cut before `sync`. */
export interface SegmentHandle extends ReadableFile {
  /** `st_dev`: files that share it are on one disk. */
  readonly device: number;
  /** Writes behind what was appended before, by a callback: it is called for every part. Fewer bytes than were given: the disk is full. */
  append(pieces: Uint8Array[], done: (error: Error | null, writtenBytes: number) => void): void;
  write(bytes: Uint8Array, at: number): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /** The file's bytes and its length; not its times. */
  sync(): Promise<void>;
  /** A courtesy: where the file system does not let us, they stay. @param startMs,endMs Unix milliseconds: time of access and of change */
  setTimes(startMs: number, endMs: number): Promise<void>;
  close(): Promise<void>;
}

/** What makes and mends recordings and journals: the machine's own disks, or one of a test, whose power can be cut. */
export interface SegmentFs {
  /** `st_dev` of a folder, or of the nearest above it that is there. */
  deviceOf(folder: string): Promise<number>;
  /** @returns the first of the folders that had to be made */
  makeFolder(folder: string): Promise<string | undefined>;
  /** Makes the names in a folder survive a power cut, where the file system can. */
  syncFolder(folder: string): Promise<void>;
  /** @throws EEXIST when there is such a file */
  create(file: string): Promise<SegmentHandle>;
  /** With `a+` it is made when there is none, and what is appended goes to its end. */
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

/** A write that stops short met the end of the disk. */
export function diskFull(writtenBytes: number, wantedBytes: number): Error {
  return Object.assign(new Error(`wrote ${writtenBytes} of ${wantedBytes} bytes`), { code: 'ENOSPC' });
}

function called<T>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value as T))));
}
