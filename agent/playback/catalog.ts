import { stat } from 'node:fs/promises';
import { explain, PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { codeOf } from '../record/disk-fault.ts';
import { type FoundRecording, findRecordings } from '../record/find-recordings.ts';
import { RecordPathPattern } from '../record/record-path.ts';
import type { FinishedSegment, Segment, SegmentLog } from '../record/segment-log.ts';
import { type SegmentIndex, type SegmentRow, STATE } from './segment-index.ts';
import { readSegmentInfo, type WalkState } from './segment-info.ts';

/** Names go into the index in lots of this many, so that other work gets its turn. */
const NAMES_PER_LOT = 1_000;
/** A folder changed this shortly before it was read may change again within the same tick of its clock. */
const UNSETTLED_MS = 2_000;

/** What the configuration says of recordings. */
export interface RecordPaths {
  /** Undefined when no path of this name is configured. `recordPath` is absolute or relative to the working directory. */
  recordPathOf(name: string): { readonly recordPath: string; readonly format: 'fmp4' | 'mpegts' } | undefined;
  /** Every different `recordPath` in use. */
  recordPaths(): readonly string[];
}

interface FolderTimes {
  readonly generation: number;
  readonly mtimes: ReadonlyMap<string, number>;
}

/** Keeps the index in step with the folders: a look at the folders' times before each answer, and at files that grow. */
export class Catalog implements SegmentLog {
  readonly index: SegmentIndex;
  readonly #paths: RecordPaths;
  readonly #logger: Logger;
  readonly #zone: string | undefined;
  /** When the folders of a path were last changed, as seen before they were read. By path and its `recordPath`. */
  readonly #seen = new Map<string, FolderTimes>();
  readonly #walked = new Map<string, WalkState>();
  readonly #refreshing = new Map<string, Promise<void>>();
  /** Finished files whose headers are being read. */
  readonly #reading = new Set<Promise<void>>();

  constructor(index: SegmentIndex, paths: RecordPaths, logger: Logger, zone?: string) {
    this.index = index;
    this.#paths = paths;
    this.#logger = logger;
    this.#zone = zone;
  }

  opened({ path, file, startUs }: Segment): void {
    this.index.addNames([{ path, file, startUs }]);
  }

  finished({ file }: FinishedSegment): void {
    this.#walked.delete(file);
    this.index.setUnread(file);
    const reading = this.#examine(file)
      .catch((error: unknown) => this.#logger.warn({ file, cause: explain(error) }, 'cannot read a recording'))
      .finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  /** Resolves when what was begun on its own account is done: the index may be closed. */
  async settle(): Promise<void> {
    await Promise.allSettled([...this.#reading, ...this.#refreshing.values()]);
  }

  removed(file: string): void {
    this.#walked.delete(file);
    this.index.remove(file);
  }

  /** Makes the index agree with the files of one path that can matter between two times. */
  async refresh(path: string, recordPath: string, fromUs: number, toUs: number): Promise<void> {
    const key = `${path}\0${recordPath}`;
    const running =
      this.#refreshing.get(key) ?? this.#look(path, recordPath).finally(() => this.#refreshing.delete(key));
    this.#refreshing.set(key, running);
    await running;
    const firstUs = this.index.lastStartUpTo(path, fromUs);
    for (const row of this.index.work(path, firstUs, toUs)) {
      await this.#update(row);
    }
  }

  /** Goes through all folders and reads every header that is not known yet: what a first start or a lost index needs. */
  async rebuild(signal: AbortSignal): Promise<void> {
    for (const recordPath of this.#paths.recordPaths()) {
      const names = new Set<string>();
      await findRecordings(new RecordPathPattern(recordPath, undefined, this.#zone), {
        onRecording: ({ path }) => {
          names.add(path);
        },
      }).catch((error: unknown) =>
        this.#logger.warn({ recordPath, cause: explain(error) }, 'cannot look for recordings'),
      );
      for (const name of names) {
        if (signal.aborted) {
          return;
        }
        if (this.#paths.recordPathOf(name)?.recordPath === recordPath) {
          await this.#readAll(name, recordPath, signal).catch((error: unknown) =>
            this.#logger.warn({ path: name, cause: explain(error) }, 'cannot read the recordings of a path'),
          );
        }
      }
    }
  }

  async #readAll(path: string, recordPath: string, signal: AbortSignal): Promise<void> {
    await this.#look(path, recordPath);
    for (const row of this.index.work(path, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
      if (signal.aborted) {
        return;
      }
      if (row.state === STATE.unread) {
        await this.#update(row);
      }
    }
  }

  /** Reads the folders of a path when one has changed since the last time. */
  async #look(path: string, recordPath: string): Promise<void> {
    const key = `${path}\0${recordPath}`;
    const seen = this.#seen.get(key);
    if (seen && seen.generation === this.index.generation && (await isUnchanged(seen.mtimes))) {
      return;
    }
    const mtimes = new Map<string, number>();
    const gone = new Set(this.index.filesOf(path));
    let lot: FoundRecording[] = [];
    await findRecordings(new RecordPathPattern(recordPath, path, this.#zone), {
      onFolder: async (folder) => {
        mtimes.set(folder, await settledMtime(folder));
      },
      onRecording: (recording) => {
        if (!gone.delete(recording.file)) {
          lot.push(recording);
        }
        if (lot.length >= NAMES_PER_LOT) {
          this.index.addNames(lot);
          lot = [];
        }
      },
    });
    this.index.addNames(lot);
    for (const file of gone) {
      // A file made while the folders were read was not seen, but is there.
      if ((await statOf(file)) === undefined) {
        this.removed(file);
      }
    }
    this.#seen.set(key, { generation: this.index.generation, mtimes });
  }

  async #update(row: SegmentRow): Promise<void> {
    const found = await statOf(row.file);
    if (!found) {
      this.removed(row.file);
    } else if (row.state === STATE.unread || found.size !== row.sizeBytes || found.mtimeMs !== row.mtimeMs) {
      await this.#examine(row.file);
    }
  }

  async #examine(file: string): Promise<void> {
    try {
      const { walked, ...info } = await readSegmentInfo(file, this.#walked.get(file));
      this.index.setInfo(file, info);
      if (info.isFinished) {
        this.#walked.delete(file);
      } else {
        this.#walked.set(file, walked);
      }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        this.removed(file);
        return;
      }
      if (!(error instanceof PerchError) && codeOf(error) === '') {
        throw error;
      }
      // What only the system refused (too many open files, a disk that comes and goes) is looked at again at the next question.
      const found = error instanceof PerchError ? await statOf(file) : undefined;
      this.index.setBroken(file, found?.size ?? 0, found?.mtimeMs ?? 0);
      this.#logger.warn({ file, cause: explain(error) }, 'left out a recording that cannot be read');
    }
  }
}

async function isUnchanged(mtimes: ReadonlyMap<string, number>): Promise<boolean> {
  for (const [folder, mtimeMs] of mtimes) {
    if ((await statOf(folder))?.mtimeMs !== mtimeMs) {
      return false;
    }
  }
  return true;
}

/** NaN, which equals nothing, for a folder that is not there or was changed a moment ago. */
async function settledMtime(folder: string): Promise<number> {
  const found = await statOf(folder);
  return found && Date.now() - found.mtimeMs > UNSETTLED_MS ? found.mtimeMs : Number.NaN;
}

async function statOf(file: string) {
  return stat(file).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') {
      return undefined;
    }
    throw error;
  });
}
