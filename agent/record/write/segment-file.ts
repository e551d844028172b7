import { dirname } from 'node:path';
import { release } from '../../media/sample/slab.ts';
import { codeOf } from '../file/disk-fault.ts';
import { diskFull, type SegmentFs, type SegmentHandle } from '../file/segment-fs.ts';
import type { DiskQueue, DiskWriter } from './disk-queue.ts';
import type { FlushPoint, OpenFile } from './flush.ts';

interface SegmentEnd {
  /** Appended after the last part; `[]`: nothing. */
  readonly pieces: readonly Uint8Array[];
  /** Offset of `mvhd.duration` (32 bits, milliseconds) and its value, or undefined if the file has no such field. */
  readonly duration: { readonly offset: number; readonly durationMs: number } | undefined;
  /** For the file's mtime, Unix milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
}

export interface SegmentFileOptions {
  readonly fs: SegmentFs;
  /** The file name; `clash` > 0: the next choice if earlier ones exist. */
  readonly nameOf: (clash: number) => string;
  readonly queueBytes: number;
  readonly flush: FlushPoint;
  readonly onStarted: (file: string, clash: number) => void;
  /** Called once when the disk rejects the file. It is closed and stays as `leftOver`, unless nothing was written. */
  readonly onFailure: (error: unknown, leftOver: string | undefined) => void;
}

/** Bytes of one write. */
class Pieces {
  readonly list: Uint8Array[] = [];
  bytes = 0;
}

/**
 * A recording being written, under its final name from the first byte. One write at a time; what arrives meanwhile
 * joins the next one. Recovery truncates an unfinished file to its last complete fragment.
 */
export class SegmentFile implements OpenFile, DiskWriter {
  /** Finished disk operations: while it grows, the disk does not hang. */
  steps = 0;
  readonly #options: SegmentFileOptions;
  #created: { readonly name: string; readonly clash: number; readonly disk: DiskQueue } | undefined;
  #handle: SegmentHandle | undefined;
  #isWaiting = false;
  #queue = new Pieces();
  #inFlight = new Pieces();
  #writtenBytes = 0;
  #syncedBytes = 0;
  #hasFailed = false;
  /** Operations, other than the write, that use the descriptor. */
  #syncing: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;
  #wantsFlush = false;
  readonly #written = (error: Error | null, bytes: number): void => this.#onWritten(error, bytes);

  constructor(options: SegmentFileOptions) {
    this.#options = options;
    this.#open().catch((error: unknown) => this.#fail(error));
  }

  get name(): string | undefined {
    return this.#created?.name;
  }

  /** Written and queued bytes: the offset of the next part. */
  get sizeBytes(): number {
    return this.#writtenBytes + this.waitingBytes;
  }

  /** What the disk has not taken yet. */
  get waitingBytes(): number {
    return this.#inFlight.bytes + this.#queue.bytes;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  get device(): number | undefined {
    return this.#handle?.device;
  }

  get hasUnsynced(): boolean {
    return this.#writtenBytes > this.#syncedBytes && !this.#hasFailed;
  }

  /**
   * Appends a part (`moof`, `mdat` header, samples) with one vectored write, then releases one hold on each piece.
   * @returns false if the queue is full: the part is dropped
   */
  append(part: readonly Uint8Array[], sizeBytes: number): boolean {
    const { waitingBytes } = this;
    if (this.#hasFailed || (waitingBytes > 0 && waitingBytes + sizeBytes > this.#options.queueBytes)) {
      return false;
    }
    for (let i = 0; i < part.length; i += 1) {
      this.#queue.list.push(part[i] as Uint8Array);
    }
    this.#queue.bytes += sizeBytes;
    this.#pump();
    return true;
  }

  sync(): Promise<void> {
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  /** Flushes what was appended once it is written, ahead of the next round. */
  flush(): void {
    this.#wantsFlush = true;
    this.#pump();
  }

  startWrite(): void {
    this.#isWaiting = false;
    if (this.#queue.bytes === 0 || !this.#handle) {
      this.#created?.disk.writeDone();
      return;
    }
    this.#inFlight = this.#queue;
    this.#queue = new Pieces();
    this.#handle.append(this.#inFlight.list, this.#written);
  }

  /**
   * Writes the queue, then the end. The end has a copy of the header and is flushed before the duration is written into
   * the header: a power cut that tears that sector loses nothing. The duration itself is not awaited.
   * @returns false if the disk rejected it (after `onFailure`)
   */
  async finish(end: SegmentEnd): Promise<boolean> {
    for (const piece of end.pieces) {
      this.#queue.list.push(piece);
      this.#queue.bytes += piece.length;
    }
    await this.#drain();
    // A running round may have started before the last write.
    await this.sync();
    await this.sync();
    const handle = this.#handle;
    if (this.#hasFailed || !handle) {
      return false;
    }
    try {
      await this.#created?.disk.flush(() => finishHeader(handle, end));
    } catch (error) {
      this.#fail(error);
      return false;
    }
    await this.#close();
    return true;
  }

  async #open(): Promise<void> {
    const { flush, fs, nameOf } = this.#options;
    let isSecondTry = false;
    for (let clash = 0; ; ) {
      const name = nameOf(clash);
      const folder = dirname(name);
      // In turn: otherwise a hanging disk would block a thread per starting camera, unnoticed.
      const { firstMade, made } = await flush.disk(await fs.deviceOf(folder)).flush(() => this.#begin(name, folder));
      if (made === 'taken' && clash < 1000) {
        clash += 1;
        continue;
      }
      if (made === 'no folder' && !isSecondTry) {
        // Retention removed the new folder while it was empty.
        isSecondTry = true;
        continue;
      }
      if (typeof made === 'string') {
        const code = made === 'taken' ? 'EEXIST' : 'ENOENT';
        throw Object.assign(new Error(`${code}: cannot make ${name}`), { code });
      }
      const disk = flush.disk(made.device);
      this.#created = { name, clash, disk };
      this.#handle = made;
      this.#pump();
      await disk.flush(() => syncFolders(fs, folder, firstMade));
      this.steps += 1;
      return;
    }
  }

  async #begin(name: string, folder: string) {
    const firstMade = await this.#options.fs.makeFolder(folder);
    this.steps += 1;
    return { firstMade, made: await this.#create(name) };
  }

  /** @returns `taken` also for names of files being created or finished */
  async #create(name: string): Promise<SegmentHandle | 'taken' | 'no folder'> {
    const { flush, fs } = this.#options;
    if (!flush.add(name, this)) {
      return 'taken';
    }
    try {
      return await fs.create(name);
    } catch (error) {
      flush.remove(name);
      const code = codeOf(error);
      if (code !== 'EEXIST' && code !== 'ENOENT') {
        throw error;
      }
      return code === 'EEXIST' ? 'taken' : 'no folder';
    }
  }

  #pump(): void {
    if (!this.#handle || this.#inFlight.bytes > 0 || this.#isWaiting) {
      return;
    }
    if (this.#queue.bytes === 0) {
      if (this.#wantsFlush) {
        this.#wantsFlush = false;
        void this.#flushNow();
      }
      this.#onDrained?.();
      return;
    }
    this.#isWaiting = true;
    this.#created?.disk.wantsWrite(this);
  }

  #onWritten(error: Error | null, written: number): void {
    this.steps += 1;
    this.#created?.disk.writeDone();
    const { list, bytes: wantedBytes } = this.#inFlight;
    this.#inFlight = new Pieces();
    for (let i = 0; i < list.length; i += 1) {
      release(list[i] as Uint8Array);
    }
    if (this.#hasFailed) {
      void this.#close();
      return;
    }
    if (error || written < wantedBytes) {
      this.#fail(error ?? diskFull(written, wantedBytes));
      return;
    }
    const isFirst = this.#writtenBytes === 0;
    this.#writtenBytes += written;
    if (isFirst && this.#created) {
      this.#options.onStarted(this.#created.name, this.#created.clash);
    }
    this.#pump();
  }

  /** Resolves when the queue is empty or the file has failed. */
  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve;
      if (this.#hasFailed) {
        resolve();
      }
      this.#pump();
    });
  }

  async #flushNow(): Promise<void> {
    // A running round may have started before the last write.
    await this.#syncing;
    await this.sync();
  }

  async #sync(): Promise<void> {
    const upToBytes = this.#writtenBytes;
    const handle = this.#handle;
    if (this.#hasFailed || !handle || upToBytes === this.#syncedBytes) {
      return;
    }
    try {
      await this.#created?.disk.flush(() => handle.sync());
      this.#syncedBytes = upToBytes;
      this.steps += 1;
    } catch (error) {
      // After a failed flush the disk's content is unknown: the file is abandoned.
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) {
      return;
    }
    this.#hasFailed = true;
    this.#queue = new Pieces();
    this.#options.onFailure(error, this.#writtenBytes > 0 ? this.name : undefined);
    this.#onDrained?.();
    void this.#close();
  }

  async #close(): Promise<void> {
    await this.#syncing;
    const handle = this.#handle;
    // A write in progress closes the file when it ends.
    if (!handle || this.#inFlight.bytes > 0) {
      return;
    }
    this.#handle = undefined;
    await handle.close().catch(() => {});
    const { name } = this;
    if (name === undefined) {
      return;
    }
    if (this.#hasFailed && this.#writtenBytes === 0) {
      // Just created and without a part: not a recording.
      await this.#options.fs.unlink(name).catch(() => {});
    }
    this.#options.flush.remove(name);
  }
}

async function finishHeader(handle: SegmentHandle, end: SegmentEnd): Promise<void> {
  if (end.duration) {
    const field = new Uint8Array(4);
    new DataView(field.buffer).setUint32(0, Math.min(end.duration.durationMs, 0xffff_fffe));
    await handle.write(field, end.duration.offset);
  }
  await handle.setTimes(end.startMs, end.endMs);
}

/** A power cut loses a file whose folder entry was not flushed. */
async function syncFolders(fs: SegmentFs, folder: string, firstMade: string | undefined): Promise<void> {
  const top = firstMade === undefined ? folder : dirname(firstMade);
  for (let at = folder; ; at = dirname(at)) {
    await fs.syncFolder(at);
    if (at === top || at === dirname(at)) {
      return;
    }
  }
}
