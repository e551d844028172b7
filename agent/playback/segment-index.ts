import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { type SegmentInfo, startOf } from './segment-info.ts';
import { isDamaged, isSqliteError, openCache, removeCache } from './sqlite.ts';

const VERSION = 1;
/** Files without a `mtxi` box go together when one begins this close to the end of the other. */
const MERGE_TOLERANCE_US = 1_000_000;

/*
 * state: 0 only the name is known, 1 the file grows (its header does not give its length), 2 finished, 3 not readable.
 * joins: 1 when the recording goes on from the one before it on its path. Timespans begin where it is 0: so a list of a long
 * history costs as much as it has gaps, not as it has files.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS segments (
    file TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    name_us INTEGER NOT NULL,
    start_us INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    joins INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0,
    mtime_ms REAL NOT NULL DEFAULT 0,
    duration_us INTEGER NOT NULL DEFAULT 0,
    stream_id TEXT,
    segment_number INTEGER NOT NULL DEFAULT 0,
    dts_us REAL NOT NULL DEFAULT 0,
    signature TEXT NOT NULL DEFAULT ''
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS by_start ON segments (path, start_us);
  CREATE INDEX IF NOT EXISTS by_readable ON segments (path, start_us) WHERE state IN (1, 2);
  CREATE INDEX IF NOT EXISTS by_break ON segments (path, start_us) WHERE joins = 0 AND state IN (1, 2);
  CREATE INDEX IF NOT EXISTS by_work ON segments (path, start_us) WHERE state != 2;
`;

export interface SegmentRow {
  readonly file: string;
  readonly path: string;
  readonly nameUs: number;
  readonly startUs: number;
  readonly state: SegmentState;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly durationUs: number;
  readonly streamId: string | undefined;
  readonly segmentNumber: number;
  readonly dtsUs: number;
  readonly signature: string;
}

export const STATE = { unread: 0, growing: 1, finished: 2, broken: 3 } as const;
export type SegmentState = (typeof STATE)[keyof typeof STATE];

/** A stretch of recordings without a gap. */
export interface Timespan {
  readonly startUs: number;
  readonly durationUs: number;
}

const SELECT = 'SELECT * FROM segments';
/** Named, because a search through files that are not read yet would cost as much as there are of them. */
const FROM_READABLE = 'FROM segments INDEXED BY by_readable WHERE state IN (1, 2)';
const FROM_BREAKS = 'FROM segments INDEXED BY by_break WHERE joins = 0 AND state IN (1, 2)';

/** What is known of the recordings, in SQLite: a cache, the files are the truth. A damaged one is thrown away and filled again. */
export class SegmentIndex {
  /** Counts how often the index had to begin again. */
  generation = 0;
  readonly #file: string;
  #database: DatabaseSync;
  #statements = new Map<string, StatementSync>();

  readonly #onFault: (error: unknown) => void;

  /** @param onFault told what went wrong with the file; the index goes on with what it can */
  constructor(file: string, onFault: (error: unknown) => void) {
    this.#file = file;
    this.#onFault = onFault;
    this.#database = this.#open();
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  /** @returns false when they could not be kept */
  addNames(found: readonly { file: string; path: string; startUs: number }[]): boolean {
    return this.#guarded(() => {
      this.#database.exec('BEGIN');
      try {
        for (const { file, path, startUs } of found) {
          const values = [file, path, startUs, startUs];
          this.#run('INSERT OR IGNORE INTO segments (file, path, name_us, start_us) VALUES (?, ?, ?, ?)', values);
        }
        this.#database.exec('COMMIT');
      } catch (error) {
        this.#rollBack();
        throw error;
      }
      return true;
    }, false);
  }

  setInfo(file: string, info: SegmentInfo): void {
    this.#guarded(() => {
      const row = this.find(file);
      if (!row) {
        return;
      }
      this.#run(
        `UPDATE segments SET start_us = ?, state = ?, size = ?, mtime_ms = ?, duration_us = ?, stream_id = ?,
         segment_number = ?, dts_us = ?, signature = ? WHERE file = ?`,
        [
          startOf(row.nameUs, info.wallUs),
          info.isFinished ? STATE.finished : STATE.growing,
          info.sizeBytes,
          info.mtimeMs,
          info.durationUs,
          info.streamId ?? null,
          info.segmentNumber,
          info.dtsUs,
          info.signature,
          file,
        ],
      );
      this.#join(file);
    }, undefined);
  }

  setBroken(file: string, sizeBytes: number, mtimeMs: number): void {
    this.#guarded(() => {
      this.#run('UPDATE segments SET state = 3, joins = 0, size = ?, mtime_ms = ? WHERE file = ?', [
        sizeBytes,
        mtimeMs,
        file,
      ]);
    }, undefined);
  }

  /** What is known of the file is no longer to be relied on. */
  setUnread(file: string): void {
    this.#guarded(() => this.#run('UPDATE segments SET state = 0 WHERE file = ?', [file]), undefined);
  }

  remove(file: string): void {
    this.#guarded(() => {
      const row = this.find(file);
      this.#run('DELETE FROM segments WHERE file = ?', [file]);
      const next = row && this.#after(row);
      if (next) {
        this.#join(next.file);
      }
    }, undefined);
  }

  find(file: string): SegmentRow | undefined {
    return this.#row(`${SELECT} WHERE file = ?`, [file]);
  }

  filesOf(path: string): string[] {
    return this.#guarded(
      () => this.#all('SELECT file FROM segments WHERE path = ?', [path]).map((row) => String(row['file'])),
      [],
    );
  }

  startsOf(path: string): number[] {
    const query = 'SELECT start_us FROM segments WHERE path = ? ORDER BY start_us';
    return this.#guarded(() => this.#all(query, [path]).map((row) => Number(row['start_us'])), []);
  }

  /** The file that begins exactly then. */
  findStart(path: string, startUs: number): SegmentRow | undefined {
    return this.#row(`${SELECT} WHERE path = ? AND start_us = ?`, [path, startUs]);
  }

  /** Files whose header is still to be read, or that may have changed since. */
  work(path: string, fromUs: number, toUs: number): SegmentRow[] {
    const query = `${SELECT} WHERE state != 2 AND path = ? AND start_us BETWEEN ? AND ? ORDER BY start_us`;
    return this.#guarded(() => this.#all(query, [path, fromUs, toUs]).map(rowOf), []);
  }

  /** Start of the last file that begins at or before `us`: the one that could contain it. Whatever its state. */
  lastStartUpTo(path: string, us: number): number {
    const query = 'SELECT max(start_us) AS start_us FROM segments WHERE path = ? AND state != 3 AND start_us <= ?';
    const found = this.#guarded(() => this.#all(query, [path, us])[0]?.['start_us'], null);
    return typeof found === 'number' ? found : Number.MIN_SAFE_INTEGER;
  }

  /** Readable files from `fromUs` on, at most `count`. */
  list(path: string, fromUs: number, toUs: number, count: number): SegmentRow[] {
    const query = `SELECT * ${FROM_READABLE} AND path = ? AND start_us BETWEEN ? AND ? ORDER BY start_us LIMIT ?`;
    return this.#guarded(() => this.#all(query, [path, fromUs, toUs, count]).map(rowOf), []);
  }

  /** The stretches without a gap among the readable files that begin between the two. */
  timespans(path: string, fromUs: number, toUs: number): Timespan[] {
    return this.#guarded(() => {
      const breaks = this.#all(
        `SELECT start_us ${FROM_BREAKS} AND path = ? AND start_us BETWEEN ? AND ? ORDER BY start_us`,
        [path, fromUs, toUs],
      ).map((row) => Number(row['start_us']));
      const first = this.list(path, fromUs, toUs, 1)[0];
      if (!first) {
        return [];
      }
      if (breaks[0] !== first.startUs) {
        breaks.unshift(first.startUs);
      }
      return breaks.map((startUs, i) => {
        const last = this.#lastBefore(path, Math.min(toUs + 1, breaks[i + 1] ?? Infinity));
        return { startUs, durationUs: last ? last.startUs + last.durationUs - startUs : 0 };
      });
    }, []);
  }

  #join(file: string): void {
    const row = this.find(file);
    if (!row) {
      return;
    }
    const before = this.#lastBefore(row.path, row.startUs);
    this.#setJoins(row, before !== undefined && goesOn(before, row));
    const next = this.#after(row);
    if (next) {
      this.#setJoins(next, goesOn(row, next));
    }
  }

  #setJoins(row: SegmentRow, joins: boolean): void {
    this.#run('UPDATE segments SET joins = ? WHERE file = ? AND joins != ?', [joins ? 1 : 0, row.file, joins ? 1 : 0]);
  }

  #lastBefore(path: string, us: number): SegmentRow | undefined {
    const query = `SELECT * ${FROM_READABLE} AND path = ? AND start_us < ? ORDER BY start_us DESC LIMIT 1`;
    return this.#row(query, [path, Math.min(us, Number.MAX_SAFE_INTEGER)]);
  }

  #after(row: SegmentRow): SegmentRow | undefined {
    const query = `SELECT * ${FROM_READABLE} AND path = ? AND start_us > ? ORDER BY start_us LIMIT 1`;
    return this.#row(query, [row.path, row.startUs]);
  }

  #row(query: string, values: SQLInputValue[]): SegmentRow | undefined {
    const found = this.#guarded(() => this.#all(query, values)[0], undefined);
    return found && rowOf(found);
  }

  #all(query: string, values: SQLInputValue[]): Record<string, unknown>[] {
    return this.#statement(query).all(...values);
  }

  #run(query: string, values: SQLInputValue[]): void {
    this.#statement(query).run(...values);
  }

  #statement(query: string): StatementSync {
    const statement = this.#statements.get(query) ?? this.#database.prepare(query);
    this.#statements.set(query, statement);
    return statement;
  }

  /** After some failures SQLite has rolled back by itself, and says so. */
  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK');
    } catch (error) {
      if (!isSqliteError(error)) {
        throw error;
      }
    }
  }

  /** Without a place on the disk the index lives in memory: slower after each start, but right. */
  #open(isDamaged = false): DatabaseSync {
    try {
      if (isDamaged) {
        removeCache(this.#file);
      }
      return openCache(this.#file, VERSION, SCHEMA);
    } catch (error) {
      this.#onFault(error);
      return openCache(':memory:', VERSION, SCHEMA);
    }
  }

  /** Damage that shows only in use empties the index: the next look at the folders fills it again. A full disk only loses the change. */
  #guarded<T>(work: () => T, otherwise: T): T {
    try {
      return work();
    } catch (error) {
      if (!isSqliteError(error)) {
        throw error;
      }
      this.#onFault(error);
      if (isDamaged(error)) {
        this.#statements.clear();
        this.#database.close();
        this.#database = this.#open(true);
        this.generation += 1;
      }
      return otherwise;
    }
  }
}

/** MediaMTX's rule for two recordings that are one timespan. */
export function goesOn(before: SegmentRow, row: SegmentRow): boolean {
  if (before.streamId !== undefined && row.streamId !== undefined) {
    return before.streamId === row.streamId && row.segmentNumber === before.segmentNumber + 1;
  }
  if (before.streamId !== undefined || row.streamId !== undefined || before.signature !== row.signature) {
    return false;
  }
  return Math.abs(row.startUs - (before.startUs + before.durationUs)) <= MERGE_TOLERANCE_US;
}

function rowOf(row: Record<string, unknown>): SegmentRow {
  return {
    file: String(row['file']),
    path: String(row['path']),
    nameUs: Number(row['name_us']),
    startUs: Number(row['start_us']),
    state: Number(row['state']) as SegmentState,
    sizeBytes: Number(row['size']),
    mtimeMs: Number(row['mtime_ms']),
    durationUs: Number(row['duration_us']),
    streamId: row['stream_id'] === null ? undefined : String(row['stream_id']),
    segmentNumber: Number(row['segment_number']),
    dtsUs: Number(row['dts_us']),
    signature: String(row['signature']),
  };
}
