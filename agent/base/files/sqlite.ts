import { rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

type Sqlite = typeof import('node:sqlite');

let loaded: Sqlite | undefined;

/** Node's SQLite. Suppresses only its experimental warning in older versions of Node; a flag would suppress others as well. */
export function sqlite(): Sqlite {
  if (loaded) {
    return loaded;
  }
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (!String(warning).includes('SQLite')) {
      Reflect.apply(emitWarning, process, [warning, ...rest]);
    }
  };
  try {
    loaded = process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
  return loaded;
}

/** SQLite's codes SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED = new Set([11, 26]);

export function isSqliteError(error: unknown): error is Error & { errcode?: number } {
  return (error as NodeJS.ErrnoException).code === 'ERR_SQLITE_ERROR';
}

/** A faulty query is a bug, not a fault of the file. */
export function isOwnFault(error: Error & { errcode?: number }): boolean {
  return ((error.errcode ?? 0) & 0xff) === 1;
}

export function isDamaged(error: unknown): boolean {
  return isSqliteError(error) && DAMAGED.has((error.errcode ?? 0) & 0xff);
}

export type CacheFound = 'good' | 'missing' | 'damaged' | 'of another version';

export interface OpenCache {
  readonly database: DatabaseSync;
  /** State in which the file was found. The database is empty unless it was `good`. */
  readonly found: CacheFound;
}

/**
 * Opens a cache database; replaces one that is damaged or of another version.
 * @param version changes with the schema
 * @param isGoodEmpty false: an empty one is `missing` until the caller has filled it and sets `user_version`
 */
export function openCache(file: string, version: number, schema: string, isGoodEmpty = true): OpenCache {
  try {
    return openWith(file, version, schema, isGoodEmpty);
  } catch (error) {
    if (!isDamaged(error)) {
      throw error;
    }
    removeCache(file);
    return { ...openWith(file, version, schema, isGoodEmpty), found: 'damaged' };
  }
}

/**
 * A cache database in memory with the content of the file, for a disk that is full or read-only: SQLite opens a file with a WAL only where it
 * can write. Changes of an unfinished WAL are left out.
 * @throws Error of SQLite if the file cannot be read
 */
export function copyCache(file: string, version: number, schema: string): OpenCache {
  const database = new (sqlite().DatabaseSync)(':memory:');
  try {
    const address = pathToFileURL(file);
    address.searchParams.set('immutable', '1');
    database.exec(`ATTACH '${address.href.replaceAll("'", "''")}' AS disk; PRAGMA temp_store = MEMORY;`);
    const isGood = Number(database.prepare('PRAGMA disk.user_version').get()?.['user_version']) === version;
    const query = "SELECT type, name, sql FROM disk.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'";
    const parts = isGood ? database.prepare(query).all() : [];
    const isTable = ({ type }: Record<string, unknown>) => type === 'table';
    for (const { name, sql } of parts.filter(isTable)) {
      database.exec(`${sql}; INSERT INTO main."${name}" SELECT * FROM disk."${name}"`);
    }
    // Triggers after the rows that they would change.
    for (const { sql } of parts.filter((part) => !isTable(part))) {
      database.exec(String(sql));
    }
    database.exec(`DETACH disk; ${schema}; PRAGMA user_version = ${version}`);
    return { database, found: isGood ? 'good' : 'missing' };
  } catch (error) {
    database.close();
    throw error;
  }
}

export function removeCache(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(file + suffix, { force: true });
  }
}

function openWith(file: string, version: number, schema: string, isGoodEmpty: boolean): OpenCache {
  const open = (): DatabaseSync => new (sqlite().DatabaseSync)(file);
  let database = open();
  try {
    const foundVersion = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
    const found = foundVersion === version ? 'good' : foundVersion === 0 ? 'missing' : 'of another version';
    if (found === 'of another version') {
      database.close();
      removeCache(file);
      database = open();
    }
    // NORMAL with WAL: no flush per change; a power cut may lose the newest rows, which the files restore.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;');
    database.exec(schema);
    if (isGoodEmpty) {
      database.exec(`PRAGMA user_version = ${version}`);
    }
    return { database, found };
  } catch (error) {
    database.close();
    throw error;
  }
}
