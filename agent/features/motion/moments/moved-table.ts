import type { DatabaseSync } from 'node:sqlite';
import { isDamaged, isSqliteError, type OpenCache, openCache, removeCache } from '../../../base/files/sqlite.ts';
import { CELL_BYTES } from '../detection/moved-cells.ts';

const VERSION = 1;
/*
 * A row is ten minutes of a path. seen: a bit for each second in which the stream was read. cells: entries of ENTRY_BYTES for the seconds
 * in which something moved, each second's offset (big-endian) and its cells.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS moved (
    path TEXT NOT NULL, start_s INTEGER NOT NULL, seen BLOB NOT NULL, cells BLOB NOT NULL, PRIMARY KEY (path, start_s)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS by_age ON moved (start_s);
`;
const ROW_SECONDS = 600;
const SEEN_BYTES = ROW_SECONDS / 8;
const ENTRY_BYTES = 2 + CELL_BYTES;
/** Deleted at once when the table is full. */
const DELETED_SECONDS = 86_400;

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

  /** With what an earlier run of Perch, or a reader of the recording, has of the same minutes. */
  joined(other: MovedRow): MovedRow {
    const joined = new MovedRow(this.startS, this.seen.slice(), this.cells.slice());
    for (const { at, bits } of entriesOf(other.cells)) {
      if (!hasBit(this.seen, at)) {
        joined.add(this.startS + at, bits);
      }
    }
    for (let i = 0; i < SEEN_BYTES; i += 1) {
      joined.seen[i] = (joined.seen[i] as number) | (other.seen[i] as number);
    }
    return joined;
  }
}

interface Entry {
  /** Second of the row. */
  readonly at: number;
  readonly bits: Uint8Array;
}

/** A second in which something moved. */
export interface MovedSecond {
  /** Unix seconds. */
  readonly second: number;
  /** Of the cells. */
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

  /** @param maxBytes default: two cameras of a busy street for a month, or twelve usual ones. The oldest rows go first */
  constructor(file: string, onFault: (error: unknown) => void, maxBytes = 100 << 20) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#onFault = onFault;
    this.#database = openTable(file).database;
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

  /** The seconds of a period in which something moved, oldest first, and a 1 for each second that was read. */
  between(path: string, fromS: number, toS: number): { readonly moved: MovedSecond[]; readonly seen: Uint8Array } {
    this.#write((one) => one.path === path);
    const seen = new Uint8Array(Math.max(0, toS - fromS));
    const moved: MovedSecond[] = [];
    const query =
      'SELECT start_s, seen, cells FROM moved WHERE path = ? AND start_s > ? AND start_s < ? ORDER BY start_s';
    const rows = this.#attempt(() => this.#database.prepare(query).all(path, fromS - ROW_SECONDS, toS)) ?? [];
    for (const row of rows.map(rowOf)) {
      for (let at = Math.max(0, fromS - row.startS); at < ROW_SECONDS && row.startS + at < toS; at += 1) {
        seen[row.startS + at - fromS] = hasBit(row.seen, at) ? 1 : 0;
      }
      const entries = [...entriesOf(row.cells)].sort((a, b) => a.at - b.at);
      for (const { at, bits } of entries) {
        const second = row.startS + at;
        if (second >= fromS && second < toS) {
          moved.push({ second, bits });
        }
      }
    }
    return { moved, seen };
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

  #write(isWritten: (writer: OpenWriter) => boolean): void {
    const writers = [...this.#writers].filter((one) => one.row !== undefined && isWritten(one));
    if (writers.length === 0) {
      return;
    }
    this.#attempt(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      const get = this.#database.prepare('SELECT start_s, seen, cells FROM moved WHERE path = ? AND start_s = ?');
      const put = this.#database.prepare('INSERT OR REPLACE INTO moved VALUES (?, ?, ?, ?)');
      for (const { path, row } of writers) {
        const before = row && get.get(path, row.startS);
        const joined = before ? row.joined(rowOf(before)) : row;
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
    const numberOf = (pragma: string): number => Number(Object.values(this.#database.prepare(pragma).get() ?? {})[0]);
    const pages = numberOf('PRAGMA page_count') - numberOf('PRAGMA freelist_count');
    if (pages * numberOf('PRAGMA page_size') > this.#maxBytes) {
      this.#database
        .prepare('DELETE FROM moved WHERE start_s < ? + (SELECT MIN(start_s) FROM moved)')
        .run(DELETED_SECONDS);
    }
  }

  /** @returns undefined if the file fails; a damaged one is replaced by an empty one */
  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!isSqliteError(error)) {
        throw error;
      }
      this.#onFault(error);
      if (this.#database.isTransaction) {
        this.#database.exec('ROLLBACK');
      }
      if (isDamaged(error)) {
        this.#database.close();
        removeCache(this.#file);
        this.#database = openTable(this.#file).database;
      }
      return undefined;
    }
  }
}

const openTable = (file: string): OpenCache => openCache(file, VERSION, SCHEMA);

const hasBit = (bits: Uint8Array, at: number): boolean => (((bits[at >> 3] as number) >> (at & 7)) & 1) === 1;

function* entriesOf(cells: Uint8Array): Generator<Entry, void> {
  for (let at = 0; at + ENTRY_BYTES <= cells.length; at += ENTRY_BYTES) {
    const offset = ((cells[at] as number) << 8) | (cells[at + 1] as number);
    yield { at: offset, bits: cells.subarray(at + 2, at + ENTRY_BYTES) };
  }
}

function rowOf({ start_s, seen, cells }: Record<string, unknown>): MovedRow {
  const whole = new Uint8Array(SEEN_BYTES);
  whole.set((seen as Uint8Array).subarray(0, SEEN_BYTES));
  return new MovedRow(Number(start_s), whole, (cells as Uint8Array).slice());
}
