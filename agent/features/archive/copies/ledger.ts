import type { DatabaseSync } from 'node:sqlite';
import { isDamaged, isSqliteError, type OpenCache, openCache, removeCache } from '../../../base/files/sqlite.ts';
import type { KnownStart } from '../storage/contracts.ts';
import type { ArchivedName } from './object-key.ts';

const VERSION = 2;
/*
 * sha256 is null for an object that was found in the archive and not yet compared with the recording; start_us is null
 * until the recording is seen in the index. facts: what the recorder's side noted of an object; empty: it is no recording.
 * others: further objects of a recording, after encryption was switched. signatures: file is null if the archive has those
 * of the recording, else the recording whose signatures wait to be sent.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS objects (
    path TEXT NOT NULL, name_us INTEGER NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, duration_us INTEGER,
    sha256 BLOB, start_us INTEGER, PRIMARY KEY (path, name_us)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS others (
    key TEXT PRIMARY KEY, path TEXT NOT NULL, name_us INTEGER NOT NULL, size INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS others_by_name ON others (path, name_us);
  CREATE TABLE IF NOT EXISTS facts (
    path TEXT NOT NULL, name_us INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (path, name_us)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS signatures (
    path TEXT NOT NULL, name_us INTEGER NOT NULL, file TEXT, PRIMARY KEY (path, name_us)
  ) WITHOUT ROWID;
`;

export interface ArchivedObject extends ArchivedName {
  readonly key: string;
  readonly sizeBytes: number;
  /** Duration of the recording, or undefined if unknown. */
  readonly durationUs: number | undefined;
  /** Shown start, Unix microseconds, or undefined if unknown. */
  readonly startUs: number | undefined;
}

export interface LedgerEntry extends ArchivedName {
  readonly key: string;
  readonly sizeBytes: number;
  /** Whether the archive has the recording's signatures. */
  readonly isSigned: boolean;
  /** What the recorder's side noted of the recording, or undefined if not yet read. */
  readonly facts: string | undefined;
}

const ENTRIES = `SELECT o.path, o.name_us, o.key, o.size, f.text, s.path IS NOT NULL AND s.file IS NULL AS is_signed
  FROM objects AS o LEFT JOIN facts AS f ON f.path = o.path AND f.name_us = o.name_us
  LEFT JOIN signatures AS s ON s.path = o.path AND s.name_us = o.name_us`;

/** What the archive has, in SQLite: a cache of its list. Without it each recording is compared with the archive again. */
export class Ledger {
  readonly #file: string;
  readonly #onFault: (error: unknown) => void;
  #database: DatabaseSync;
  #isFresh: boolean;
  #files = 0;
  #bytes = 0;
  #unread = 0;
  /** Whether the ledger has changed since its unread objects were counted. */
  #isChanged = true;

  constructor(file: string, onFault: (error: unknown) => void) {
    this.#file = file;
    this.#onFault = onFault;
    const { database, found } = openLedger(file);
    this.#database = database;
    this.#isFresh = found !== 'good';
    this.#count();
  }

  /** Whether the ledger is new or was lost, and lacks what the archive has. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  /** Call this when the ledger has everything that the archive has. */
  listed(): void {
    this.#attempt(() => {
      this.#database.exec(`PRAGMA user_version = ${VERSION}`);
      this.#isFresh = false;
    }, undefined);
  }

  /** Number and total size of the recordings that the archive has of this box. */
  get totals(): { readonly files: number; readonly bytes: number } {
    return { files: this.#files, bytes: this.#bytes };
  }

  /** Whether the archive's copy was verified and is the only one. */
  has(name: ArchivedName): boolean {
    return this.verifiedKeyOf(name) !== undefined && this.otherKeyOf(name) === undefined;
  }

  /** Key of the object that was compared with the recording, if one was. */
  verifiedKeyOf({ path, nameUs }: ArchivedName): string | undefined {
    const row = this.#attempt(() => this.#row(path, nameUs), undefined);
    return row?.['sha256'] instanceof Uint8Array ? String(row['key']) : undefined;
  }

  /** Key of another object of a recording. */
  otherKeyOf({ path, nameUs }: ArchivedName): string | undefined {
    return this.#attempt(() => this.#other(path, nameUs)?.key, undefined);
  }

  removeOther(key: string): void {
    this.#attempt(() => this.#database.prepare('DELETE FROM others WHERE key = ?').run(key), undefined);
  }

  find({ path, nameUs }: ArchivedName): LedgerEntry | undefined {
    const query = `${ENTRIES} WHERE o.path = ? AND o.name_us = ?`;
    return this.#attempt(() => this.#database.prepare(query).all(path, nameUs).map(entryOf)[0], undefined);
  }

  /** Objects of a path in the order of their names. @param afterUs the last of the previous page */
  after(path: string, afterUs: number, limit: number): LedgerEntry[] {
    const query = `${ENTRIES} WHERE o.path = ? AND o.name_us > ? ORDER BY o.name_us LIMIT ?`;
    return this.#attempt(() => this.#database.prepare(query).all(path, afterUs, limit).map(entryOf), []);
  }

  /** Objects without facts. @param after the last of the previous page */
  unread(limit: number, after?: ArchivedName): LedgerEntry[] {
    const query = `${ENTRIES} WHERE f.text IS NULL AND (o.path, o.name_us) > (?, ?) ORDER BY o.path, o.name_us LIMIT ?`;
    const last = [after?.path ?? '', after?.nameUs ?? Number.MIN_SAFE_INTEGER] as const;
    return this.#attempt(
      () =>
        this.#database
          .prepare(query)
          .all(...last, limit)
          .map(entryOf),
      [],
    );
  }

  get unreadCount(): number {
    if (this.#isChanged) {
      this.#isChanged = false;
      const query = 'SELECT (SELECT count(*) FROM objects) - (SELECT count(*) FROM facts) AS count';
      this.#unread = this.#attempt(() => Number(this.#database.prepare(query).get()?.['count']), 0);
    }
    return Math.max(0, this.#unread);
  }

  /** Number of objects that are no recordings or are damaged. */
  get unreadableCount(): number {
    const query = "SELECT count(*) AS count FROM facts WHERE text = ''";
    return this.#attempt(() => Number(this.#database.prepare(query).get()?.['count']), 0);
  }

  setFacts({ path, nameUs }: ArchivedName, facts: string): void {
    this.#isChanged = true;
    this.#attempt(
      () => this.#database.prepare('INSERT OR REPLACE INTO facts VALUES (?, ?, ?)').run(path, nameUs, facts),
      undefined,
    );
  }

  /** @param file of the recording whose signatures wait to be sent, or undefined if the archive has them */
  setSigned({ path, nameUs }: ArchivedName, file?: string): void {
    this.#attempt(
      () =>
        this.#database.prepare('INSERT OR REPLACE INTO signatures VALUES (?, ?, ?)').run(path, nameUs, file ?? null),
      undefined,
    );
  }

  removeSigned({ path, nameUs }: ArchivedName): void {
    this.#attempt(
      () => this.#database.prepare('DELETE FROM signatures WHERE path = ? AND name_us = ?').run(path, nameUs),
      undefined,
    );
  }

  /** An archived recording whose signatures were not sent with it. */
  signedLater(): (ArchivedName & { readonly key: string; readonly file: string }) | undefined {
    const query = `SELECT s.path, s.name_us, s.file, o.key FROM signatures AS s
      JOIN objects AS o ON o.path = s.path AND o.name_us = s.name_us WHERE s.file IS NOT NULL LIMIT 1`;
    return this.#attempt(() => {
      const row = this.#database.prepare(query).get();
      return (
        row && {
          path: String(row['path']),
          nameUs: Number(row['name_us']),
          key: String(row['key']),
          file: String(row['file']),
        }
      );
    }, undefined);
  }

  /** Updates the shown start and the duration of a recording, if the archive has it. Its name stays, even if an unset clock gave it. */
  dated(path: string, { nameUs, startUs, durationUs }: KnownStart): void {
    this.#attempt(() => {
      const row = this.#row(path, nameUs);
      if (row && (row['start_us'] !== (startUs ?? null) || row['duration_us'] !== durationUs)) {
        this.#database
          .prepare('UPDATE objects SET start_us = ?, duration_us = ? WHERE path = ? AND name_us = ?')
          .run(startUs ?? null, durationUs, path, nameUs);
      }
    }, undefined);
  }

  /** Adds an object. An earlier one with another key becomes the other object. @param sha256 in hex, or undefined if not verified */
  add({ path, nameUs, key, sizeBytes, durationUs, startUs }: ArchivedObject, sha256: string | undefined): void {
    this.#isChanged = true;
    this.#attempt(() => {
      const before = this.#row(path, nameUs);
      const hash = sha256 === undefined ? null : Buffer.from(sha256, 'hex');
      if (before && before['key'] !== key) {
        this.#database
          .prepare('INSERT OR REPLACE INTO others VALUES (?, ?, ?, ?)')
          .run(String(before['key']), path, nameUs, Number(before['size']));
      }
      this.#database
        .prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)')
        .run(path, nameUs, key, sizeBytes, durationUs ?? null, hash, startUs ?? null);
      this.removeOther(key);
      this.#files += before ? 0 : 1;
      this.#bytes += sizeBytes - Number(before?.['size'] ?? 0);
    }, undefined);
  }

  /** Removes the object of a recording. Its other object, if any, takes its place. */
  remove({ path, nameUs }: ArchivedName): void {
    this.#isChanged = true;
    this.#attempt(() => {
      const before = this.#row(path, nameUs);
      this.#database.prepare('DELETE FROM facts WHERE path = ? AND name_us = ?').run(path, nameUs);
      this.removeSigned({ path, nameUs });
      const other = this.#other(path, nameUs);
      if (other) {
        const startUs = (before?.['start_us'] as number | null | undefined) ?? undefined;
        this.add({ path, nameUs, ...other, durationUs: undefined, startUs }, undefined);
        this.removeOther(String(before?.['key']));
        return;
      }
      this.#database.prepare('DELETE FROM objects WHERE path = ? AND name_us = ?').run(path, nameUs);
      this.#files -= before ? 1 : 0;
      this.#bytes -= Number(before?.['size'] ?? 0);
    }, undefined);
  }

  /** Names of the paths with objects. */
  paths(): string[] {
    return this.#attempt(
      () =>
        this.#database
          .prepare('SELECT DISTINCT path FROM objects ORDER BY path')
          .all()
          .map((row) => String(row['path'])),
      [],
    );
  }

  /**
   * Objects whose recordings began before a time both by name and by shown start, oldest name first. Those of an unknown start are not
   * included.
   * @param afterUs the last of the previous page
   */
  before(path: string, endUs: number, limit: number, afterUs: number): ArchivedObject[] {
    return this.#attempt(
      () =>
        this.#database
          .prepare(
            'SELECT * FROM objects WHERE path = ? AND name_us > ? AND name_us < ? AND start_us < ? ORDER BY name_us LIMIT ?',
          )
          .all(path, afterUs, endUs, endUs, limit)
          .map((row) => ({
            path,
            nameUs: Number(row['name_us']),
            key: String(row['key']),
            sizeBytes: Number(row['size']),
            durationUs: row['duration_us'] === null ? undefined : Number(row['duration_us']),
            startUs: row['start_us'] === null ? undefined : Number(row['start_us']),
          })),
      [],
    );
  }

  /** Empties the ledger for another archive. */
  clear(): void {
    this.#isChanged = true;
    this.#attempt(() => {
      this.#database.exec(
        'PRAGMA user_version = 0; DELETE FROM objects; DELETE FROM others; DELETE FROM facts; DELETE FROM signatures',
      );
      this.#isFresh = true;
    }, undefined);
    this.#count();
  }

  close(): void {
    this.#isChanged = false;
    this.#database.close();
  }

  #row(path: string, nameUs: number): Record<string, unknown> | undefined {
    return this.#database
      .prepare('SELECT key, size, sha256, start_us, duration_us FROM objects WHERE path = ? AND name_us = ?')
      .get(path, nameUs);
  }

  #other(path: string, nameUs: number): { readonly key: string; readonly sizeBytes: number } | undefined {
    const row = this.#database
      .prepare('SELECT key, size FROM others WHERE path = ? AND name_us = ? LIMIT 1')
      .get(path, nameUs);
    return row && { key: String(row['key']), sizeBytes: Number(row['size']) };
  }

  #count(): void {
    const row = this.#attempt(
      () => this.#database.prepare('SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM objects').get(),
      undefined,
    );
    this.#files = Number(row?.['files'] ?? 0);
    this.#bytes = Number(row?.['bytes'] ?? 0);
  }

  /** @returns `otherwise` if the file fails, for example on a full disk */
  #attempt<T>(work: () => T, otherwise: T): T {
    try {
      return work();
    } catch (error) {
      if (!isSqliteError(error)) {
        throw error;
      }
      this.#onFault(error);
      if (isDamaged(error)) {
        this.#database.close();
        removeCache(this.#file);
        this.#database = openLedger(this.#file).database;
        this.#isFresh = true;
        this.#files = 0;
        this.#bytes = 0;
      }
      return otherwise;
    }
  }
}

/** Opens the ledger's database. A new one counts as fresh until `listed`. */
function openLedger(file: string): OpenCache {
  const opened = openCache(file, VERSION, SCHEMA, false);
  // A row must be on disk before the local file may be deleted.
  opened.database.exec('PRAGMA synchronous = FULL');
  return opened;
}

const entryOf = (row: Record<string, unknown>): LedgerEntry => ({
  path: String(row['path']),
  nameUs: Number(row['name_us']),
  key: String(row['key']),
  sizeBytes: Number(row['size']),
  isSigned: row['is_signed'] === 1,
  facts: row['text'] === null ? undefined : String(row['text']),
});
