import type { DatabaseSync } from 'node:sqlite';
import { explain } from '../../../base/errors.ts';
import { isSqliteError, openCache } from '../../../base/files/sqlite.ts';
import type { Logger } from '../../../base/log.ts';

/** In the data folder. */
export const OUTBOX_FILE = 'fleet-events.db';
const VERSION = 1;
// AUTOINCREMENT: a number never comes again.
const SCHEMA =
  'CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, text TEXT NOT NULL)';
/** Of one report; those of cameras are far smaller. */
export const MAX_EVENT_BYTES = 16 << 10;
/** How often the number of rows is compared with the limit. */
const CHECKED_EVERY = 100;

export interface QueuedEvent {
  readonly number: number;
  /** Tells this report from all others, also after a restart. */
  readonly messageId: string;
  readonly text: string;
}

/** Reports of events of which the bus, or the database, has not said that it has stored them, oldest first, in SQLite: a row is written before `push` returns. */
export class Outbox {
  readonly #database: DatabaseSync;
  readonly #log: Logger;
  readonly #limit: number;
  readonly #purpose: string;
  #size: number;
  #dropped = 0;
  #hasFailed = false;

  /**
   * A damaged file is replaced. @throws Error of SQLite if the file cannot be opened
   * @param limit beyond it the oldest are dropped: a box with an event each ten seconds keeps those of eleven days
   */
  constructor(file: string, log: Logger, limit = 100_000, purpose = 'the bus of the fleet') {
    const { database, found } = openCache(file, VERSION, SCHEMA);
    this.#database = database;
    this.#log = log;
    this.#limit = limit;
    this.#purpose = purpose;
    this.#size = Number(database.prepare('SELECT count(*) AS rows FROM events').get()?.['rows'] ?? 0);
    if (found === 'damaged') {
      log.error({ file }, `events for ${purpose} are lost: their file was damaged`);
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Events dropped since the start: too many, or too large for the bus. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param id of the event */
  push(id: string, text: string): void {
    if (Buffer.byteLength(text) > MAX_EVENT_BYTES) {
      // The stream would reject it again and again, and all others would wait behind it.
      this.#dropped += 1;
      this.#log.warn({ event: id }, `an event is too large for ${this.#purpose}`);
      return;
    }
    this.#attempt(() => {
      const { lastInsertRowid } = this.#database.prepare('INSERT INTO events (id, text) VALUES (?, ?)').run(id, text);
      this.#size += 1;
      if (Number(lastInsertRowid) % CHECKED_EVERY === 0 && this.#size > this.#limit) {
        const sql = 'DELETE FROM events WHERE number IN (SELECT number FROM events ORDER BY number LIMIT ?)';
        const { changes } = this.#database.prepare(sql).run(this.#size - this.#limit);
        this.#size -= Number(changes);
        this.#dropped += Number(changes);
        this.#log.warn({ dropped: this.#dropped }, `too many events wait for ${this.#purpose}: the oldest are dropped`);
      }
    }, undefined);
  }

  /** The oldest ones. */
  oldest(limit: number): readonly QueuedEvent[] {
    const sql = 'SELECT number, id, text FROM events ORDER BY number LIMIT ?';
    return this.#attempt(() => this.#database.prepare(sql).all(limit).map(queuedEvent), []);
  }

  /** Those that the bus has stored. */
  remove(numbers: readonly number[]): void {
    if (numbers.length === 0) {
      return;
    }
    this.#attempt(() => {
      const sql = `DELETE FROM events WHERE number IN (${numbers.map(() => '?').join()})`;
      this.#size -= Number(this.#database.prepare(sql).run(...numbers).changes);
    }, undefined);
  }

  close(): void {
    this.#database.close();
  }

  /** A full or broken disk is logged once. */
  #attempt<T>(work: () => T, otherwise: T): T {
    try {
      const result = work();
      this.#hasFailed = false;
      return result;
    } catch (error) {
      if (!isSqliteError(error)) {
        throw error;
      }
      if (!this.#hasFailed) {
        this.#log.error({ cause: explain(error) }, `events for ${this.#purpose} cannot be kept on the disk`);
      }
      this.#hasFailed = true;
      return otherwise;
    }
  }
}

const queuedEvent = (row: Readonly<Record<string, unknown>>): QueuedEvent => {
  const [number, id] = [Number(row['number']), String(row['id'])];
  return { number, messageId: `${id}.${number}`, text: String(row['text']) };
};
