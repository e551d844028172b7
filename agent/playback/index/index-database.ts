import { statSync } from 'node:fs';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import {
  type CacheFound,
  copyCache,
  isDamaged,
  isOwnFault,
  isSqliteError,
  type OpenCache,
  openCache,
  removeCache,
} from '../../base/files/sqlite.ts';
import { INDEX_SCHEMA, INDEX_VERSION } from './index-schema.ts';

export type Row = Record<string, unknown>;

/**
 * The index file. Collects writes in one transaction that ends with `commit`: reads see them at once, the disk gets one
 * write. A damaged file is replaced by an empty one; a full disk loses only the latest changes.
 */
export class IndexDatabase {
  generation = 0;
  /** State of the file when it was opened. */
  readonly found: CacheFound;
  /** Last write before that, Unix milliseconds; 0: never. */
  readonly writtenMs: number;
  readonly #file: string;
  readonly #onFault: (error: unknown) => void;
  #database: DatabaseSync;
  #isWriting = false;
  readonly #statements = new Map<string, StatementSync>();
  readonly #ids = new Map<string, number>();

  /** @param onFault receives faults of the file; the index continues with what it has */
  constructor(file: string, onFault: (error: unknown) => void) {
    this.#file = file;
    this.#onFault = onFault;
    this.writtenMs = Math.max(changedMs(file), changedMs(`${file}-wal`));
    const opened = this.#open(false);
    this.#database = opened.database;
    this.found = opened.found;
  }

  /** @returns `otherwise` if the file fails */
  read<T>(work: () => T, otherwise: T): T {
    try {
      return work();
    } catch (error) {
      this.#onFailure(error);
      return otherwise;
    }
  }

  /** Changes the index; on disk with the next `commit`. @returns `otherwise` if the file fails */
  write<T>(work: () => T, otherwise: T): T {
    return this.read(() => {
      if (!this.#isWriting) {
        this.#database.exec('BEGIN IMMEDIATE');
        this.#isWriting = true;
      }
      return work();
    }, otherwise);
  }

  /** @returns false if the writes since the last commit are lost */
  commit(): boolean {
    return this.read(() => {
      if (this.#isWriting) {
        this.#database.exec('COMMIT');
        this.#isWriting = false;
      }
      return true;
    }, false);
  }

  close(): void {
    this.commit();
    this.#statements.clear();
    this.#database.close();
  }

  all(query: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(query).all(...named(query, values));
  }

  first(query: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(query).get(...named(query, values));
  }

  /** Rows of one query. @returns [] if the file fails */
  rows(query: string, ...values: SQLInputValue[]): Row[] {
    return this.read(() => this.all(query, ...values), []);
  }

  /** The first row of one query; undefined also if the file fails. */
  row(query: string, ...values: SQLInputValue[]): Row | undefined {
    return this.read(() => this.first(query, ...values), undefined);
  }

  /** One change; lost if the file fails. */
  change(query: string, ...values: SQLInputValue[]): void {
    this.write(() => this.run(query, ...values), 0);
  }

  /** @returns number of changed rows */
  run(query: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(query).run(...named(query, values)).changes);
  }

  /** The id of a text in all tables. Only within `write`. */
  idOf(text: string): number {
    const known = this.findId(text);
    if (known !== undefined) {
      return known;
    }
    const id = Number(this.#statement('INSERT INTO names (text) VALUES (?)').run(text).lastInsertRowid);
    this.#remember(text, id);
    return id;
  }

  findId(text: string): number | undefined {
    const known = this.#ids.get(text);
    const found = known === undefined ? this.first('SELECT id FROM names WHERE text = ?', text)?.['id'] : undefined;
    if (found === undefined) {
      return known;
    }
    this.#remember(text, Number(found));
    return Number(found);
  }

  #remember(text: string, id: number): void {
    if (this.#ids.size >= 4_096) {
      this.#ids.clear();
    }
    this.#ids.set(text, id);
  }

  #statement(query: string): StatementSync {
    const statement = this.#statements.get(query) ?? this.#database.prepare(query);
    this.#statements.set(query, statement);
    return statement;
  }

  /** Damage found during use empties the index; the next scan fills it again. */
  #onFailure(error: unknown): void {
    if (!isSqliteError(error) || isOwnFault(error)) {
      throw error;
    }
    this.#onFault(error);
    this.#rollBack();
    if (isDamaged(error)) {
      this.#statements.clear();
      this.#database.close();
      this.#database = this.#open(true).database;
      this.generation += 1;
    }
  }

  /** SQLite rolls back by itself after some errors and reports it. */
  #rollBack(): void {
    this.#ids.clear();
    if (!this.#isWriting) {
      return;
    }
    this.#isWriting = false;
    try {
      this.#database.exec('ROLLBACK');
    } catch (error) {
      if (!isSqliteError(error)) {
        throw error;
      }
    }
  }

  /** On a full or read-only disk the index lives in memory: its changes are made again from the files after the next start. */
  #open(isKnownDamaged: boolean): OpenCache {
    try {
      if (isKnownDamaged) {
        removeCache(this.#file);
      }
      return openCache(this.#file, INDEX_VERSION, INDEX_SCHEMA);
    } catch (error) {
      this.#onFault(error);
      return isKnownDamaged ? openCache(':memory:', INDEX_VERSION, INDEX_SCHEMA) : this.#copy();
    }
  }

  #copy(): OpenCache {
    try {
      return copyCache(this.#file, INDEX_VERSION, INDEX_SCHEMA);
    } catch (error) {
      this.#onFault(error);
      return openCache(':memory:', INDEX_VERSION, INDEX_SCHEMA);
    }
  }
}

type Given = [byName: Record<string, SQLInputValue>, ...inOrder: SQLInputValue[]];

/** Node 22.13 binds values in order only to `?`; it treats `?1` as a name. */
function named(query: string, values: readonly SQLInputValue[]): Given {
  return /\?\d/.test(query) ? [Object.fromEntries(values.map((value, i) => [`?${i + 1}`, value]))] : [{}, ...values];
}

function changedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
