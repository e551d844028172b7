import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Catalog } from './catalog.ts';
import type { EventTable } from './event-table.ts';
import { statOf } from './folder-scan.ts';
import { type SegmentRow, STATE } from './segment-row.ts';

const ROWS_AT_ONCE = 256;
/** A power cut can only affect the newest files of a path. */
const NEWEST = 3;
/** Overlap of a replay with entries that the index should have: the clock may have been set. */
const JOURNAL_OVERLAP_MS = 2 * 86_400_000;

export interface IndexProgress {
  readonly state: 'looking' | 'reading' | 'ready';
  readonly files: number;
  readonly read: number;
  readonly left: number;
  readonly filesPerSecond: number;
  /** Estimated seconds left; 0: done. */
  readonly leftSeconds: number;
}

export interface UnreadableFile {
  readonly file: string;
  readonly path: string;
  readonly reason: string;
}

/** Stores events or protected ranges, of which the index has copies, and replays them when the index was reset. */
export interface Journal {
  /** @param sinceMs Unix milliseconds: earlier entries are known; undefined for all */
  replay(index: EventTable, sinceMs?: number): Promise<void> | void;
}

export class IndexRebuild {
  readonly #catalog: Catalog;
  readonly #logger: Logger;
  readonly #monoMs: () => number;
  readonly #journals: Journal[] = [];
  #signal: AbortSignal | undefined;
  #generation = -1;
  #state: IndexProgress['state'] = 'ready';
  #read = 0;
  #left = 0;
  #startedMs = 0;

  constructor(catalog: Catalog, logger: Logger, monoMs: () => number) {
    this.#catalog = catalog;
    this.#logger = logger;
    this.#monoMs = monoMs;
  }

  addJournal(journal: Journal): void {
    this.#journals.push(journal);
  }

  get progress(): IndexProgress {
    const seconds = (this.#monoMs() - this.#startedMs) / 1000;
    const filesPerSecond = this.#state === 'reading' && seconds > 0 ? this.#read / seconds : 0;
    return {
      state: this.#state,
      files: this.#catalog.index.countOf().total,
      read: this.#read,
      left: this.#left,
      filesPerSecond: Math.round(filesPerSecond),
      leftSeconds: filesPerSecond > 0 ? Math.ceil(this.#left / filesPerSecond) : 0,
    };
  }

  /** Unreadable recordings: their number, and at most a hundred of them. */
  unreadable(): { readonly count: number; readonly files: readonly UnreadableFile[] } {
    const { index } = this.#catalog;
    const files = index.broken(100).map(({ file, path, fault }) => ({ file, path, reason: fault ?? '' }));
    return { count: index.countOf().broken, files };
  }

  /** Called before recovery. A power cut may undo the end of a file that the index lists as finished. */
  async checkNewest(signal: AbortSignal): Promise<void> {
    const { index } = this.#catalog;
    for (const path of index.paths()) {
      for (const row of index.newest(path, NEWEST)) {
        if (signal.aborted) {
          return;
        }
        await this.#check(row);
      }
    }
  }

  /** Scans all folders and reads all unknown headers, after a first start or a reset. */
  async run(signal: AbortSignal): Promise<void> {
    const { index } = this.#catalog;
    this.#signal = signal;
    this.#begin('looking');
    try {
      for (;;) {
        const { generation } = index;
        await this.#replay();
        await this.#catalog.scan(undefined, signal);
        await this.#readAll(signal);
        await this.#catalog.copies.list(signal);
        index.commit();
        this.#generation = generation;
        if (signal.aborted || generation === index.generation) {
          return;
        }
      }
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    } finally {
      this.#state = 'ready';
      this.#left = 0;
    }
  }

  /** Refills an index that was reset during use, if it had been filled before. */
  async runAgain(): Promise<void> {
    const isLost = this.#generation >= 0 && this.#generation !== this.#catalog.index.generation;
    if (isLost && this.#state === 'ready' && this.#signal && !this.#signal.aborted) {
      await this.run(this.#signal);
    }
  }

  async #check(row: SegmentRow): Promise<void> {
    const found = await statOf(row.file).catch(() => undefined);
    const isChanged = found && (found.size !== row.sizeBytes || found.mtimeMs !== row.mtimeMs);
    if (isChanged && row.state === STATE.finished) {
      this.#catalog.index.setUnread(row.file);
    }
  }

  /** A power cut may have undone the latest journal entries in the index. */
  async #replay(): Promise<void> {
    const { index } = this.#catalog;
    const sinceMs = index.events.isWhole ? index.writtenMs - JOURNAL_OVERLAP_MS : undefined;
    for (const journal of this.#journals) {
      await journal.replay(index.events, sinceMs);
    }
    if (this.#journals.length > 0) {
      index.events.setWhole();
    }
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    const { index } = this.#catalog;
    this.#left = index.countOf().unread;
    if (this.#left === 0) {
      return;
    }
    this.#begin('reading');
    let rows = index.unread(0, ROWS_AT_ONCE);
    while (rows.length > 0 && !signal.aborted) {
      for (const row of rows) {
        await this.#update(row);
        if (signal.aborted) {
          return;
        }
      }
      index.commit();
      rows = index.unread(rows.at(-1)?.id ?? 0, ROWS_AT_ONCE);
    }
    const seconds = Number(((this.#monoMs() - this.#startedMs) / 1000).toFixed(1));
    this.#logger.info({ files: this.#read, seconds }, 'recordings were read into the index');
  }

  async #update(row: SegmentRow): Promise<void> {
    try {
      await this.#catalog.update(row);
    } catch (error) {
      this.#logger.warn({ file: row.file, cause: explain(error) }, 'cannot read a recording');
    }
    this.#read += 1;
    this.#left = Math.max(0, this.#left - 1);
  }

  #begin(state: IndexProgress['state']): void {
    this.#state = state;
    this.#read = 0;
    this.#startedMs = this.#monoMs();
  }
}
