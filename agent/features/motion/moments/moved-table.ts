import type { DatabaseSync } from 'node:sqlite';
import { isDamaged, isOwnFault, isSqliteError, openCache, removeCache } from '../../../base/files/sqlite.ts';
import { CELL_BYTES } from '../detection/moved-cells.ts';

const VERSION = 1;
/*
 * A row is ten minutes of a path. seen: a bit for each second in which the stream was read. cells: entries of ENTRY_BYTES for the seconds
 * in which something moved, each second's offset (big-endian) and its cells. written: in the order of writing.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS moved (
    path TEXT NOT NULL, start_s INTEGER NOT NULL, seen BLOB NOT NULL, cells BLOB NOT NULL, written INTEGER NOT NULL,
    PRIMARY KEY (path, start_s)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS by_written ON moved (written);
`;
const ROW_SECONDS = 600;
const SEEN_BYTES = ROW_SECONDS / 8;
const ENTRY_BYTES = 2 + CELL_BYTES;
/** Share of a full table that is deleted at once. */
const DELETED_SHARE = 0.1;

/** Where something moved in ten minutes of a path. */
class MovedRow {
  readonly startS: number;
  readonly seen: Uint8Array;
  #cells: Uint8Array;
  #size: number;

  constructor(startS: number, seen = new Uint8Array(SEEN_BYTES), cells = new Uint8Array(0)) {
    this.startS = startS;
    this.seen = seen;
    this.#cells = cells;
    this.#size = cells.length;
  }

  /** @param bits of the cells in which something moved, or undefined if nothing moved */
  add(second: number, bits: Uint8Array | undefined): void {
    const at = second - this.startS;
    // The clock was set back: what is known stays, and a row has one entry for each second.
    if (hasBit(this.seen, at)) {
      return;
    }
    this.seen[at >> 3] = (this.seen[at >> 3] as number) | (1 << (at & 7));
    if (!bits) {
      return;
    }
    if (this.#size + ENTRY_BYTES > this.#cells.length) {
      const larger = new Uint8Array(Math.min(2 * this.#size, ROW_SECONDS * ENTRY_BYTES) + 16 * ENTRY_BYTES);
      larger.set(this.#cells);
      this.#cells = larger;
    }
    this.#cells[this.#size] = at >> 8;
    this.#cells[this.#size + 1] = at & 0xff;
    this.#cells.set(bits, this.#size + 2);
    this.#size += ENTRY_BYTES;
  }

  get cells(): Uint8Array {
    return this.#cells.subarray(0, this.#size);
  }

  /** With those seconds that only the other row has seen. */
  joined(other: MovedRow): MovedRow {
    const joined = new MovedRow(this.startS, this.seen.slice(), this.cells.slice());
    for (const { at, bits } of other.entries()) {
      if (!hasBit(this.seen, at)) {
        joined.add(this.startS + at, bits);
      }
    }
    for (let i = 0; i < SEEN_BYTES; i += 1) {
      joined.seen[i] = (joined.seen[i] as number) | (other.seen[i] as number);
    }
    return joined;
  }

  /** The seconds in which something moved, oldest first unless the clock was set back. */
  *entries(): Generator<Entry, void> {
    const { cells } = this;
    for (let at = 0; at + ENTRY_BYTES <= cells.length; at += ENTRY_BYTES) {
      const offset = ((cells[at] as number) << 8) | (cells[at + 1] as number);
      yield { at: offset, bits: cells.subarray(at + 2, at + ENTRY_BYTES) };
    }
  }
}

interface Entry {
  /** Second of the row. */
  readonly at: number;
  readonly bits: Uint8Array;
}

/** Collects what moves in one stream or recording. */
export interface MovedWriter {
  /** @param second Unix seconds @param bits of the cells in which something moved, which are copied, or undefined if nothing moved */
  add(second: number, bits: Uint8Array | undefined): void;
  close(): void;
}

interface OpenWriter {
  readonly path: string;
  row: MovedRow | undefined;
}

/** Where something moved in the streams, in SQLite: a cache that is read from the recordings where it is missing. */
export class MovedTable {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #onFault: (error: unknown) => void;
  #database: DatabaseSync;
  readonly #writers = new Set<OpenWriter>();

  /** @param maxBytes default: two cameras of a busy street for a month, or twelve usual ones. What was written first goes first */
  constructor(file: string, onFault: (error: unknown) => void, maxBytes = 100 << 20) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#onFault = onFault;
    this.#database = this.#open();
  }

  open(path: string): MovedWriter {
    const writer: OpenWriter = { path, row: undefined };
    this.#writers.add(writer);
    return {
      add: (second, bits) => {
        const startS = second - (second % ROW_SECONDS);
        if (writer.row?.startS !== startS) {
          // Those of the other cameras, too: a disk gets one write in ten minutes.
          this.#write((one) => one === writer || (one.row?.startS ?? startS) < startS);
          writer.row = new MovedRow(startS);
        }
        writer.row?.add(second, bits);
      },
      close: () => {
        this.#write((one) => one === writer);
        this.#writers.delete(writer);
      },
    };
  }

  /**
   * @param moved called for each second of the period in which something moved, oldest first; the bits are valid during the call
   * @returns a 1 for each second that was read
   */
  read(path: string, fromS: number, toS: number, moved: MovedWriter['add'] = () => {}): Uint8Array {
    const seen = new Uint8Array(Math.max(0, toS - fromS));
    for (const row of this.#rows(path, fromS, toS)) {
      for (let at = Math.max(0, fromS - row.startS); at < ROW_SECONDS && row.startS + at < toS; at += 1) {
        seen[row.startS + at - fromS] = hasBit(row.seen, at) ? 1 : 0;
      }
      for (const { at, bits } of [...row.entries()].sort((a, b) => a.at - b.at)) {
        const second = row.startS + at;
        if (second >= fromS && second < toS) {
          moved(second, bits);
        }
      }
    }
    return seen;
  }

  /** Deletes what is older. */
  deleteBefore(path: string, second: number): void {
    this.#attempt(() =>
      this.#database.prepare('DELETE FROM moved WHERE path = ? AND start_s <= ?').run(path, second - ROW_SECONDS),
    );
  }

  paths(): readonly string[] {
    const query = 'SELECT DISTINCT path FROM moved';
    const rows = this.#attempt(() => this.#database.prepare(query).all()) ?? [];
    return rows.map((row) => String(row['path']));
  }

  close(): void {
    this.#write(() => true);
    this.#database.close();
  }

  /** Rows of the file, oldest first, with what writers have of them. */
  *#rows(path: string, fromS: number, toS: number): Generator<MovedRow, void> {
    const query =
      'SELECT start_s, seen, cells FROM moved WHERE path = ? AND start_s > ? AND start_s < ? ORDER BY start_s';
    const present = new Map<number, MovedRow>();
    for (const writer of this.#writers) {
      const { row } = writer;
      if (writer.path === path && row && row.startS > fromS - ROW_SECONDS && row.startS < toS) {
        present.set(row.startS, present.get(row.startS)?.joined(row) ?? row);
      }
    }
    for (const one of this.#attempt(() => this.#database.prepare(query).all(path, fromS - ROW_SECONDS, toS)) ?? []) {
      const row = rowOf(one);
      for (const [startS, newer] of [...present].sort(([a], [b]) => a - b)) {
        if (startS < row.startS) {
          present.delete(startS);
          yield newer;
        }
      }
      const newer = present.get(row.startS);
      present.delete(row.startS);
      yield newer ? row.joined(newer) : row;
    }
    yield* [...present].sort(([a], [b]) => a - b).map(([, row]) => row);
  }

  #write(isWritten: (writer: OpenWriter) => boolean): void {
    const writers = [...this.#writers].filter((one) => one.row !== undefined && isWritten(one));
    if (writers.length === 0) {
      return;
    }
    this.#attempt(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      const get = this.#database.prepare('SELECT start_s, seen, cells FROM moved WHERE path = ? AND start_s = ?');
      const put = this.#database.prepare(
        'INSERT OR REPLACE INTO moved VALUES (?, ?, ?, ?, (SELECT 1 + COALESCE(MAX(written), 0) FROM moved))',
      );
      for (const { path, row } of writers) {
        const before = row && get.get(path, row.startS);
        // What is known stays: a clock that was set back may repeat a time.
        const joined = before ? rowOf(before).joined(row) : row;
        if (joined) {
          put.run(path, joined.startS, joined.seen, joined.cells);
        }
      }
      this.#limit();
      this.#database.exec('COMMIT');
    });
    for (const writer of writers) {
      writer.row = undefined;
    }
  }

  #limit(): void {
    const numberOf = (query: string): number => Number(Object.values(this.#database.prepare(query).get() ?? {})[0]);
    const pages = numberOf('PRAGMA page_count') - numberOf('PRAGMA freelist_count');
    if (pages * numberOf('PRAGMA page_size') > this.#maxBytes) {
      const count = Math.ceil(DELETED_SHARE * numberOf('SELECT COUNT(*) FROM moved'));
      this.#database
        .prepare('DELETE FROM moved WHERE written <= (SELECT written FROM moved ORDER BY written LIMIT 1 OFFSET ?)')
        .run(count);
    }
  }

  /** @returns undefined if the file fails; a damaged one is replaced by an empty one */
  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!isSqliteError(error) || isOwnFault(error)) {
        throw error;
      }
      this.#onFault(error);
      if (isDamaged(error)) {
        this.#database.close();
        this.#database = this.#open(true);
      } else if (this.#database.isTransaction) {
        this.#database.exec('ROLLBACK');
      }
      return undefined;
    }
  }

  /** On a full or read-only disk the table lives in memory: later it is read from the recordings again. */
  #open(isKnownDamaged = false): DatabaseSync {
    try {
      if (isKnownDamaged) {
        removeCache(this.#file);
      }
      return openCache(this.#file, VERSION, SCHEMA).database;
    } catch (error) {
      this.#onFault(error);
      return openCache(':memory:', VERSION, SCHEMA).database;
    }
  }
}

const hasBit = (bits: Uint8Array, at: number): boolean => (((bits[at >> 3] as number) >> (at & 7)) & 1) === 1;

function rowOf({ start_s, seen, cells }: Record<string, unknown>): MovedRow {
  const whole = new Uint8Array(SEEN_BYTES);
  whole.set((seen as Uint8Array).subarray(0, SEEN_BYTES));
  return new MovedRow(Number(start_s), whole, (cells as Uint8Array).slice());
}
