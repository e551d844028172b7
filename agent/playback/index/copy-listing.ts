import { setImmediate } from 'node:timers/promises';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { inBatches } from '../../record/retention/delete-path.ts';
import type { RangeFile } from '../../record/store/range-file.ts';
import { copyName, type RecordingCopies, type StoredCopies } from '../../record/store/recording-copies.ts';
import { parseFacts } from './facts.ts';
import type { UsRange } from './hidden-ranges.ts';
import type { SegmentIndex } from './segment-index.ts';
import { type SegmentRow, STATE } from './segment-row.ts';

/** Copies per page. Media is handled between pages. */
const PAGE = 100;

interface DeletionOptions {
  isKept(row: SegmentRow): boolean;
  readonly maxFiles?: number;
  readonly signal?: AbortSignal;
}

/** Recordings that are not on the disks of this box, but of which there is a copy: the index lists the copy. */
export class CopyListing {
  readonly #index: SegmentIndex;
  readonly #logger: Logger;
  readonly #onMoved: () => void;
  readonly #closing = new AbortController();
  #store: RecordingCopies | undefined;
  #syncing: Promise<void> = Promise.resolve();

  /** @param onMoved called when a file is gone and its recording is read from the copy */
  constructor(index: SegmentIndex, logger: Logger, onMoved: () => void = () => {}) {
    this.#index = index;
    this.#logger = logger;
    this.#onMoved = onMoved;
  }

  add(store: RecordingCopies): void {
    if (this.#store) {
      throw new Error('one feature makes copies of recordings');
    }
    this.#store = store;
  }

  /** Undefined: no feature makes copies. */
  get store(): RecordingCopies | undefined {
    return this.#store;
  }

  get #stored(): StoredCopies | undefined {
    return this.#store?.stored;
  }

  /** Called when there are more, or other, copies. Resolves once they are listed. */
  sync(): Promise<void> {
    this.#syncing = this.#syncing
      .then(() => this.list(this.#closing.signal))
      .catch((error: unknown) => this.#logger.error({ err: error }, 'failed to list copies of recordings'));
    return this.#syncing;
  }

  /** Makes the index agree with the copies, once it knows the files on the disks. While they are away, they stay listed. */
  async list(signal: AbortSignal): Promise<void> {
    const stored = this.#stored;
    for (const path of new Set([...this.#index.copies.paths(), ...(stored?.paths() ?? [])])) {
      await this.#listPath(path, stored, signal);
    }
  }

  async #listPath(path: string, stored: StoredCopies | undefined, signal: AbortSignal): Promise<void> {
    const index = this.#index;
    const { listed, onDisks } = index.copies.namesOf(path);
    let afterUs = Number.MIN_SAFE_INTEGER;
    for (let length = PAGE; length === PAGE && stored; ) {
      if (signal.aborted) {
        return;
      }
      const page = stored.after(path, afterUs, PAGE);
      for (const copy of page) {
        const isListed = listed.delete(copy.nameUs);
        const isOnDisk = onDisks.has(copy.nameUs);
        if (isOnDisk && isListed) {
          index.copies.remove(path, copy.nameUs);
        } else if (!isOnDisk && !isListed) {
          index.copies.add(copy, parseFacts(copy.facts ?? ''));
        }
      }
      afterUs = page.at(-1)?.nameUs ?? afterUs;
      length = page.length;
      await setImmediate();
    }
    for (const nameUs of this.isAway ? [] : listed) {
      index.copies.remove(path, nameUs);
    }
    index.commit();
  }

  /** Called when a file is gone: its copy is listed instead, if there is one. */
  gone(file: string): void {
    const row = this.#stored && this.#index.find(file);
    const copy = row && this.#stored?.find(row.path, row.nameUs);
    if (copy && row.state === STATE.finished) {
      this.#index.copies.move(file, copy);
      this.#onMoved();
      return;
    }
    this.#index.remove(file);
    if (copy) {
      this.#index.copies.add(copy, parseFacts(copy.facts ?? ''));
    }
  }

  /** Called when there is no copy of the recording any more. */
  removed(path: string, nameUs: number): void {
    this.#index.copies.remove(path, nameUs);
  }

  /** @param file as the index names it @throws PerchError */
  open(file: string): RangeFile {
    if (!this.#stored) {
      throw new PerchError('unavailable', 'this recording is on no disk, and its copy cannot be read now', {
        copy: file,
      });
    }
    return this.#stored.open(copyName(file));
  }

  get isAway(): boolean {
    return this.#store?.away !== undefined;
  }

  /** @throws PerchError while copies are away: they would be listed later */
  requireListed(): void {
    if (this.isAway) {
      throw new PerchError('unavailable', `${this.#store?.away}: copies there cannot be deleted now`);
    }
  }

  /** @throws PerchError while copies are away */
  async delete({ path, nameUs }: Pick<SegmentRow, 'path' | 'nameUs'>): Promise<void> {
    this.requireListed();
    await this.#stored?.remove(path, nameUs);
    this.removed(path, nameUs);
  }

  /** Deletes listed copies that start in a range. @throws PerchError while copies are away */
  async deleteFrom(
    path: string,
    { startUs, endUs }: UsRange,
    { isKept, maxFiles = Number.POSITIVE_INFINITY, signal }: DeletionOptions,
  ): Promise<{ readonly deleted: number; readonly kept: number }> {
    const { space } = this.#index;
    let [deleted, kept] = [0, 0];
    for (const row of inBatches<SegmentRow>((limit, after) => space.copiesFrom(path, startUs, endUs, limit, after))) {
      if (deleted >= maxFiles || signal?.aborted) {
        break;
      }
      if (isKept(row)) {
        kept += 1;
      } else {
        await this.delete(row);
        deleted += 1;
      }
    }
    return { deleted, kept };
  }

  close(): Promise<void> {
    this.#closing.abort();
    return this.#syncing;
  }
}
