import { close, fdatasync, open as openFile, write, writev } from 'node:fs';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { release } from '../media/slab.ts';
import { codeOf } from './disk-fault.ts';
import type { FlushPoint, OpenFile } from './flush.ts';

const openAsync = promisify(openFile);
const syncAsync = promisify(fdatasync);
const closeAsync = promisify(close);
const writeAsync = promisify(write);

const MAX_NAME_CLASHES = 1000;
/** File systems that cannot flush a folder say so with these. */
const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EISDIR', 'EBADF', 'EPERM', 'EACCES']);

/** Where `mvhd.duration` (32 bits, milliseconds) stands, and what goes there. */
export interface DurationPatch {
  readonly offset: number;
  readonly durationMs: number;
}

export interface SegmentFileOptions {
  /** The wanted name; with `clash` > 0 the one to try when those before are taken. */
  readonly nameOf: (clash: number) => string;
  /** More than this waiting for the disk is refused. */
  readonly queueBytes: number;
  readonly flush: FlushPoint;
  /** The first write has succeeded. */
  readonly onStarted: (file: string, clash: number) => void;
  /** The disk refused; called once. The file is closed and stays as it is: `leftOver`, unless nothing was written. */
  readonly onFailure: (error: unknown, leftOver: string | undefined) => void;
}

/**
 * One recording being written, under its final name from the first byte. One write is in flight at a time; what comes
 * meanwhile goes with the next one. An unfinished file stays as it is: recovery cuts it to its last whole fragment.
 */
export class SegmentFile implements OpenFile {
  readonly #options: SegmentFileOptions;
  /** Undefined until the file exists. */
  #name: string | undefined;
  #clash = 0;
  #fd = -1;
  #queue: Uint8Array[] = [];
  #inFlight: readonly Uint8Array[] = [];
  #queuedBytes = 0;
  #inFlightBytes = 0;
  #writtenBytes = 0;
  #syncedBytes = 0;
  #hasFailed = false;
  /** Operations under way that need the descriptor besides the write. */
  #syncing: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;

  constructor(options: SegmentFileOptions) {
    this.#options = options;
    this.#open().catch((error: unknown) => this.#fail(error));
  }

  get name(): string | undefined {
    return this.#name;
  }

  /** Bytes written and waiting: where the next part will stand. */
  get sizeBytes(): number {
    return this.#writtenBytes + this.#inFlightBytes + this.#queuedBytes;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  get hasUnsynced(): boolean {
    return this.#writtenBytes > this.#syncedBytes && !this.#hasFailed;
  }

  /**
   * Appends one part (`moof`, `mdat` header, samples) with a single vectored write, after which one hold on each is released.
   * @returns false when too much is waiting for the disk: the part is not taken
   */
  append(part: readonly Uint8Array[], sizeBytes: number): boolean {
    const waiting = this.#queuedBytes + this.#inFlightBytes;
    if (this.#hasFailed || (waiting > 0 && waiting + sizeBytes > this.#options.queueBytes)) {
      return false;
    }
    for (let i = 0; i < part.length; i += 1) {
      this.#queue.push(part[i] as Uint8Array);
    }
    this.#queuedBytes += sizeBytes;
    this.#pump();
    return true;
  }

  sync(): Promise<void> {
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  /**
   * Writes what waits and then `index`, and the duration into the header. The index is on the disk before the duration says
   * that the file is whole, so that a power cut in between leaves a file that recovery finishes.
   * @returns false when the disk refused (`onFailure` has been called)
   */
  async finish(index: Uint8Array, patch: DurationPatch): Promise<boolean> {
    this.#queue.push(index);
    this.#queuedBytes += index.length;
    await this.#drain();
    // The first may be a round of the flush point that began before the last write.
    await this.sync();
    await this.sync();
    if (this.#hasFailed) {
      return false;
    }
    try {
      const field = new Uint8Array(4);
      new DataView(field.buffer).setUint32(0, Math.min(patch.durationMs, 0xffff_fffe));
      await writeAsync(this.#fd, field, 0, 4, patch.offset);
      await syncAsync(this.#fd);
    } catch (error) {
      this.#fail(error);
      return false;
    }
    await this.#close();
    return true;
  }

  async #open(): Promise<void> {
    let isSecondTry = false;
    for (let clash = 0; ; clash += 1) {
      const name = this.#options.nameOf(clash);
      const folder = dirname(name);
      const firstMade = await mkdir(folder, { recursive: true });
      try {
        this.#fd = await this.#create(name);
      } catch (error) {
        if (codeOf(error) === 'EEXIST' && clash < MAX_NAME_CLASHES) {
          continue;
        }
        if (codeOf(error) === 'ENOENT' && !isSecondTry) {
          // The retention has removed the folder, empty for a moment, right after it was made.
          isSecondTry = true;
          clash -= 1;
          continue;
        }
        throw error;
      }
      this.#name = name;
      this.#clash = clash;
      this.#pump();
      await syncFolders(folder, firstMade);
      return;
    }
  }

  /** @throws with the code EEXIST also for the name of a file of ours that is not there yet, or is being finished */
  async #create(name: string): Promise<number> {
    const { flush } = this.#options;
    if (!flush.add(name, this)) {
      throw Object.assign(new Error(`${name} is being written`), { code: 'EEXIST' });
    }
    try {
      return await openAsync(name, 'wx', 0o644);
    } catch (error) {
      flush.remove(name);
      throw error;
    }
  }

  #pump(): void {
    if (this.#fd < 0 || this.#inFlightBytes > 0) {
      return;
    }
    if (this.#queuedBytes === 0) {
      this.#onDrained?.();
      return;
    }
    const pieces = this.#queue;
    this.#queue = [];
    this.#inFlight = pieces;
    this.#inFlightBytes = this.#queuedBytes;
    this.#queuedBytes = 0;
    writev(this.#fd, pieces, (error, written) => this.#onWritten(error, written));
  }

  #onWritten(error: NodeJS.ErrnoException | null, written: number): void {
    const wantedBytes = this.#inFlightBytes;
    const pieces = this.#inFlight;
    this.#inFlightBytes = 0;
    this.#inFlight = [];
    for (let i = 0; i < pieces.length; i += 1) {
      release(pieces[i] as Uint8Array);
    }
    if (this.#hasFailed) {
      void this.#close();
      return;
    }
    if (error || written < wantedBytes) {
      // A write that stops short met the end of the disk.
      this.#fail(error ?? Object.assign(new Error(`wrote ${written} of ${wantedBytes} bytes`), { code: 'ENOSPC' }));
      return;
    }
    const isFirst = this.#writtenBytes === 0;
    this.#writtenBytes += written;
    if (isFirst && this.#name !== undefined) {
      this.#options.onStarted(this.#name, this.#clash);
    }
    this.#pump();
  }

  /** Resolves when nothing waits for the disk any more, or the file has failed. */
  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve;
      if (this.#hasFailed) {
        resolve();
      }
      this.#pump();
    });
  }

  async #sync(): Promise<void> {
    const upToBytes = this.#writtenBytes;
    if (this.#hasFailed || this.#fd < 0 || upToBytes === this.#syncedBytes) {
      return;
    }
    try {
      await syncAsync(this.#fd);
      this.#syncedBytes = upToBytes;
    } catch (error) {
      // After a failed flush nobody knows what is on the disk: the file is given up as it is.
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) {
      return;
    }
    this.#hasFailed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#options.onFailure(error, this.#writtenBytes > 0 ? this.#name : undefined);
    this.#onDrained?.();
    void this.#close();
  }

  async #close(): Promise<void> {
    await this.#syncing;
    const fd = this.#fd;
    // A write in flight closes the file when it comes back.
    if (fd < 0 || this.#inFlightBytes > 0) {
      return;
    }
    this.#fd = -1;
    await closeAsync(fd).catch(() => {});
    const name = this.#name;
    if (name === undefined) {
      return;
    }
    if (this.#hasFailed && this.#writtenBytes === 0) {
      // Made a moment ago and without a single part: not a recording.
      await unlink(name).catch(() => {});
    }
    this.#options.flush.remove(name);
  }
}

/** A file whose folder entry was not flushed is gone after a power cut, whatever was flushed into it. */
async function syncFolders(folder: string, firstMade: string | undefined): Promise<void> {
  const top = firstMade === undefined ? folder : dirname(firstMade);
  for (let at = folder; ; at = dirname(at)) {
    let handle: FileHandle | undefined;
    try {
      handle = await open(at, 'r');
      await handle.sync();
    } catch (error) {
      if (!NO_FOLDER_SYNC.has(codeOf(error))) {
        throw error;
      }
    } finally {
      await handle?.close();
    }
    if (at === top || at === dirname(at)) {
      return;
    }
  }
}
