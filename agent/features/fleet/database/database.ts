import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { checkServerIdentity } from 'node:tls';
import { Client, type ClientBase, type ClientConfig, Pool } from 'pg';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import {
  type CarriedDocument,
  type DocumentCarrier,
  type DocumentWatcher,
  type ListRow,
  staleVersion,
} from '../../../base/files/document-carrier.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import { type DatabaseAddress, placeOf } from './database-url.ts';
import { SHARED_DOCUMENTS } from './documents.ts';
import { EVENT_CHANNEL } from './event-rows.ts';
import { databaseFailure } from './failure.ts';
import { migrate } from './migrations.ts';

const CONNECT_MS = 5_000;
const QUERY_MS = 5_000;
/** Interval of the question which versions the database has. */
const PING_MS = 5_000;
const FORGET_LEASES_MS = 60_000;
/** How long what is in memory may be used if it may not be what the database has. */
const MAX_AWAY_MS = 120_000;

export interface DatabaseOptions {
  readonly address: DatabaseAddress;
  readonly clock: Clock;
  readonly log: Logger;
}

interface StoredRow {
  readonly name: string;
  readonly value: unknown;
  readonly changed: string;
}

// In one order for all servers: each waits for rows that the other has not locked yet.
const LEASE = `INSERT INTO perch_leases (name, holder, until)
  SELECT name, $2::uuid, clock_timestamp() + $3::float8 * interval '1 ms' FROM unnest($1::text[]) AS wanted (name) ORDER BY name
  ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, until = EXCLUDED.until
    WHERE perch_leases.holder = EXCLUDED.holder OR perch_leases.until < clock_timestamp()
  RETURNING name`;
// It waits for no server that takes one of them over now.
const FORGET_LEASES = `DELETE FROM perch_leases WHERE name IN
  (SELECT name FROM perch_leases WHERE until < now() FOR UPDATE SKIP LOCKED)`;
const STORED = 'SELECT name, value, changed::text FROM perch_documents ORDER BY name';

export interface StoredDocuments {
  /** By name; without removed ones. */
  readonly values: ReadonlyMap<string, unknown>;
  /** All were saved at once, and none has changed since. */
  readonly isUntouched: boolean;
}

const storedIn = (rows: readonly StoredRow[]): StoredDocuments => ({
  values: new Map(rows.filter(({ value }) => value !== null).map(({ name, value }) => [name, value])),
  isUntouched: new Set(rows.map(({ changed }) => changed)).size <= 1,
});

/** What the database last said of a document. */
interface Told {
  readonly version: number;
  readonly askedMs: number;
  /** Monotonic time of the last question at which what the database had was in memory. */
  readonly currentMs: number;
}

/** Documents in PostgreSQL, and a connection that hears of the changes of other servers. */
export class Database implements DocumentCarrier {
  readonly #options: DatabaseOptions;
  readonly #settings: ClientConfig;
  readonly #pool: Pool;
  readonly #watchers = new Map<string, DocumentWatcher>();
  readonly #stop = new AbortController();
  #fault: string | undefined = 'the database was not asked yet';
  /** Monotonic time of the last question that the listening connection has answered. */
  #heardMs: number;
  readonly #told = new Map<string, Told>();
  readonly #eventListeners = new Set<() => void>();
  /** Documents whose watchers know that they are not current. */
  readonly #outdated = new Set<string>();
  #listening: Promise<void> = Promise.resolve();
  /** Of leases: another one after a restart. */
  readonly #holder = randomUUID();
  #forgotLeasesMs = Number.NEGATIVE_INFINITY;

  /** Connects, and brings the tables to the present form. @throws PerchError with what a person can do about it */
  static async open(options: DatabaseOptions): Promise<Database> {
    const { address } = options;
    const settings = await settingsOf(address);
    const client = new Client(settings);
    client.on('error', () => {});
    try {
      await client.connect();
      await migrate(client);
    } catch (error) {
      throw databaseFailure(error, address);
    } finally {
      await client.end().catch(() => {});
    }
    const database = new Database(options, settings);
    try {
      await database.#begin();
    } catch (error) {
      // Nobody has it who could close it.
      await database.close();
      throw error;
    }
    return database;
  }

  private constructor(options: DatabaseOptions, settings: ClientConfig) {
    this.#options = options;
    this.#settings = settings;
    this.#pool = new Pool({ ...settings, max: 4 });
    // Of an idle connection; the next query makes another one.
    this.#pool.on('error', () => {});
    this.#heardMs = options.clock.monoMs();
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  isCurrent(name: string): boolean {
    return this.#options.clock.monoMs() - this.#currentMs(name) <= MAX_AWAY_MS;
  }

  /** Monotonic time of the last question at which the document in memory was that of the database. */
  #currentMs(name: string): number {
    const told = this.#told.get(name);
    if (!told) {
      return this.#heardMs;
    }
    // A later version was saved or taken here since.
    return (this.#watchers.get(name)?.version() ?? 0) >= told.version ? told.askedMs : told.currentMs;
  }

  keeps(name: string): boolean {
    return SHARED_DOCUMENTS.includes(name);
  }

  async load(name: string): Promise<CarriedDocument> {
    const [row] = await this.#query<{ version: string; value: unknown }>(
      'SELECT version, value FROM perch_documents WHERE name = $1',
      [name],
    );
    return { value: row?.value ?? undefined, version: Number(row?.version ?? 0) };
  }

  async versionOf(name: string): Promise<number> {
    const [row] = await this.#query<{ version: string }>('SELECT version FROM perch_documents WHERE name = $1', [name]);
    return Number(row?.version ?? 0);
  }

  async save(name: string, json: string | undefined, version: number | undefined): Promise<number> {
    const [row] = await this.#query<{ version: string }>(
      `INSERT INTO perch_documents (name, value) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
       WHERE $3::bigint IS NULL OR perch_documents.version = $3
       RETURNING version`,
      [name, json ?? null, version ?? null],
    );
    if (!row) {
      throw staleVersion(name);
    }
    return Number(row.version);
  }

  /** What the database has of documents, with removed ones. */
  async stored(): Promise<StoredDocuments> {
    return storedIn(await this.#query<StoredRow>(STORED, []));
  }

  /**
   * Saves documents into a database that has none, all or nothing.
   * @param mayReplace whether those that are there may be replaced; default: no
   * @throws PerchError conflict
   */
  async saveFirst(
    documents: ReadonlyMap<string, unknown>,
    mayReplace: (found: StoredDocuments) => boolean = () => false,
  ): Promise<void> {
    const { address } = this.#options;
    await this.transaction(async (client) => {
      await client.query('LOCK TABLE perch_documents IN EXCLUSIVE MODE');
      const found = storedIn((await client.query<StoredRow>(STORED)).rows);
      if (found.values.size > 0 && !mayReplace(found)) {
        const names = [...found.values.keys()].join(', ');
        throw new PerchError('conflict', `${placeOf(address)} has ${names} already: nothing was imported`);
      }
      await client.query('UPDATE perch_documents SET value = NULL WHERE value IS NOT NULL AND name <> ALL ($1)', [
        [...documents.keys()],
      ]);
      for (const [name, value] of documents) {
        await client.query(
          'INSERT INTO perch_documents (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value',
          [name, JSON.stringify(value)],
        );
      }
    });
  }

  /** Runs work in one transaction, which is undone if it throws. @throws PerchError unavailable, and what `work` throws */
  async transaction<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
    const { address } = this.#options;
    this.#checkFault();
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw databaseFailure(error, address);
    });
    let isUnusable = false;
    // The pool listens to idle ones only. The query that is under way fails, too.
    const ignore = () => {};
    client.on('error', ignore);
    try {
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      // After a time-out the answer is still to come.
      isUnusable = await client.query('ROLLBACK').then(
        () => false,
        () => true,
      );
      throw databaseFailure(error, address);
    } finally {
      client.off('error', ignore);
      client.release(isUnusable);
    }
  }

  /** @param listener called when events may have changed, and every few seconds while the database answers */
  onEvents(listener: () => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  #tellOfEvents(): void {
    for (const listener of this.#eventListeners) {
      listener();
    }
  }

  async putRows(list: string, rows: readonly ListRow[]): Promise<void> {
    // One statement takes no id twice: the last row counts.
    const last = [...new Map(rows.map((row) => [row.id, row])).values()];
    await this.#query(
      `INSERT INTO perch_rows (list, id, value, at)
       SELECT $1, id, value, to_timestamp(ms / 1000) FROM unnest($2::text[], $3::json[], $4::float8[]) AS row (id, value, ms)
       ON CONFLICT (list, id) DO UPDATE SET value = EXCLUDED.value, at = EXCLUDED.at`,
      [list, last.map(({ id }) => id), last.map(({ json }) => json), last.map(({ atMs }) => atMs)],
    );
  }

  async readRows(list: string, count: number): Promise<readonly unknown[]> {
    const rows = await this.#query<{ value: unknown }>(
      'SELECT value FROM perch_rows WHERE list = $1 ORDER BY at DESC LIMIT $2',
      [list, count],
    );
    return rows.map(({ value }) => value);
  }

  async takeRow(list: string, ids: readonly string[], beforeMs: number): Promise<unknown> {
    const [row] = await this.#query<{ value: unknown }>(
      'DELETE FROM perch_rows WHERE list = $1 AND id = ANY ($2::text[]) AND at >= to_timestamp($3::float8 / 1000) RETURNING value',
      [list, ids, beforeMs],
    );
    return row?.value;
  }

  async removeRows(list: string, beforeMs: number): Promise<void> {
    await this.#query('DELETE FROM perch_rows WHERE list = $1 AND at < to_timestamp($2::float8 / 1000)', [
      list,
      beforeMs,
    ]);
  }

  async lease(names: readonly string[], ms: number): Promise<ReadonlySet<string>> {
    const nowMs = this.#options.clock.monoMs();
    if (nowMs - this.#forgotLeasesMs > FORGET_LEASES_MS) {
      this.#forgotLeasesMs = nowMs;
      await this.#query(FORGET_LEASES, []).catch(() => {});
    }
    const rows = await this.#query<{ name: string }>(LEASE, [[...new Set(names.map(leaseName))], this.#holder, ms]);
    const own = new Set(rows.map(({ name }) => name));
    return new Set(names.filter((name) => own.has(leaseName(name))));
  }

  async release(name: string): Promise<void> {
    await this.#query('DELETE FROM perch_leases WHERE name = $1 AND holder = $2', [leaseName(name), this.#holder]);
  }

  watch(name: string, watcher: DocumentWatcher): void {
    this.#watchers.set(name, watcher);
    this.#told.set(name, { version: 0, askedMs: this.#heardMs, currentMs: this.#heardMs });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#listening;
    await this.#pool.end();
  }

  #checkFault(): void {
    // Every request would wait for the timeout.
    if (this.#fault !== undefined) {
      throw new PerchError('unavailable', this.#fault);
    }
  }

  async #query<Row extends object>(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    this.#checkFault();
    try {
      return (await this.#pool.query<Row>(text, [...values])).rows;
    } catch (error) {
      throw databaseFailure(error, this.#options.address);
    }
  }

  /** Resolves when the first connection listens. */
  #begin(): Promise<void> {
    const { clock } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stopChecking = clock.eachSecond(() => this.#checkAge());
    this.#listening = this.#listen(resolve, reject).finally(stopChecking);
    return promise;
  }

  async #listen(begun: () => void, failed: (error: unknown) => void): Promise<void> {
    const { address, clock, log } = this.#options;
    const { signal } = this.#stop;
    let pauseMs = 0;
    while (!signal.aborted) {
      const client = new Client(this.#settings);
      const lost = new AbortController();
      const ended = new Promise<unknown>((resolve) =>
        client.on('error', resolve).once('end', () => resolve(undefined)),
      );
      void ended.then(() => lost.abort());
      try {
        await client.connect();
        const hasBegun = (): void => {
          pauseMs = 0;
          begun();
        };
        await withJoinedSignal([signal, lost.signal], undefined, (joined) =>
          this.#hear(client, joined.signal, hasBegun),
        );
        if (!signal.aborted) {
          throw (await ended) ?? new Error('the connection has ended');
        }
      } catch (error) {
        const failure = databaseFailure(error, address);
        failed(failure);
        if (this.#fault === undefined) {
          log.error(
            { cause: explain(failure) },
            'the database is away: nobody can log in, and sessions end in two minutes',
          );
        }
        this.#fault = failure.message;
      } finally {
        await endOf(client);
      }
      // Not all servers come back at once.
      pauseMs = Math.min(5_000, pauseMs * 2 + 200);
      await clock.sleep(pauseMs * (0.5 + Math.random() / 2), signal);
    }
  }

  /** Until the connection is lost. */
  async #hear(client: Client, signal: AbortSignal, begun: () => void): Promise<void> {
    const { address, clock, log } = this.#options;
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === EVENT_CHANNEL) {
        this.#tellOfEvents();
        return;
      }
      const [name = '', version] = payload.split(' ');
      this.#watchers.get(name)?.changed(Number(version));
    });
    await client.query('LISTEN perch_documents');
    await client.query(`LISTEN ${EVENT_CHANNEL}`);
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const askedMs = clock.monoMs();
      // Also what was saved before this connection listened, what it did not hear, and what could not be taken when it did.
      const { rows } = await client.query<{ name: string; version: string }>(
        'SELECT name, version FROM perch_documents',
      );
      this.#heardMs = askedMs;
      if (isFirst) {
        if (this.#fault !== undefined) {
          log.info({ database: placeOf(address) }, 'database connected');
        }
        this.#fault = undefined;
        begun();
      }
      this.#tell(new Map(rows.map(({ name, version }) => [name, Number(version)])), askedMs);
      this.#tellOfEvents();
      await clock.sleep(PING_MS, signal);
    }
  }

  #tell(versions: ReadonlyMap<string, number>, askedMs: number): void {
    for (const [name, watcher] of this.#watchers) {
      const version = versions.get(name) ?? 0;
      const currentMs = watcher.version() >= version ? askedMs : this.#currentMs(name);
      this.#told.set(name, { version, askedMs, currentMs });
      watcher.changed(version);
    }
  }

  #checkAge(): void {
    const old = [...this.#watchers.keys()].filter((name) => !this.isCurrent(name));
    const added = old.filter((name) => !this.#outdated.has(name));
    this.#outdated.clear();
    for (const name of old) {
      this.#outdated.add(name);
    }
    if (added.length === 0) {
      return;
    }
    this.#options.log.error(
      { documents: added },
      'no answer of the database for two minutes, or documents that could not be taken: what they permit waits',
    );
    for (const name of added) {
      this.#watchers.get(name)?.outdated();
    }
  }
}

/** A hash: names may be long, and may contain the password of a destination. */
const leaseName = (name: string): string => createHash('sha256').update(name).digest('base64url');

async function settingsOf(address: DatabaseAddress): Promise<ClientConfig> {
  const { host, port, user, password, database, isVerified, authorityFile } = address;
  const ca = authorityFile === undefined ? undefined : await readAuthority(authorityFile);
  return {
    host,
    port,
    user,
    password,
    database,
    // Without a server name, which addresses have not, Node would compare the certificate with another name.
    ssl: isVerified && {
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      ...(ca && { ca }),
    },
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    keepAlive: true,
    application_name: 'perch',
  };
}

async function readAuthority(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new PerchError('badInput', `databaseURL: cannot read the file of sslrootcert, ${file}`, { file }, cause);
  }
}

/** A connection that hangs must not delay what follows. */
async function endOf(client: Client): Promise<void> {
  const ended = client.end().catch(() => {});
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
}
