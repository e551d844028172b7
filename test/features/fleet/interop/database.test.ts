import { join } from 'node:path';
import Type from 'typebox';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Clock, systemClock } from '../../../../agent/base/clock.ts';
import { explain } from '../../../../agent/base/errors.ts';
import { carryDocuments } from '../../../../agent/base/files/document-carrier.ts';
import { StoredDocument } from '../../../../agent/base/files/stored-document.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { Database } from '../../../../agent/features/fleet/database/database.ts';
import { readDatabaseURL } from '../../../../agent/features/fleet/database/database-url.ts';
import { until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type Postgresql, startPostgresql } from '../../../peers/programs/postgresql.ts';

const AUTHORITY = join(import.meta.dirname, '../../../fixtures/tls/server.crt');
const Names = Type.Object({ users: Type.Array(Type.String()) });
let folders = 0;

describeWith(['postgresql'], 'documents in PostgreSQL', () => {
  let postgresql: Postgresql;
  beforeAll(async () => {
    postgresql = await startPostgresql();
  });
  afterAll(() => postgresql[Symbol.asyncDispose]());

  async function open(url: string, clock: Clock = systemClock): Promise<Database> {
    const database = await Database.open({ address: readDatabaseURL(url), clock, log: silentLogger });
    onTestFinished(() => database.close());
    return database;
  }

  /** A server that keeps names in `users.json`. */
  async function startServer(url: string, clock?: Clock) {
    const database = await open(url, clock);
    folders += 1;
    const dataDir = `/database-test-${folders}`;
    onTestFinished(carryDocuments(dataDir, database));
    const document = new StoredDocument(join(dataDir, 'users.json'), Names);
    let names: readonly string[] = [];
    document.follow((stored) => {
      names = stored?.users ?? [];
    });
    names = (await document.open('lost'))?.users ?? [];
    const add = (name: string) =>
      document.change(async () => {
        const next = [...names, name];
        await document.save(() => ({ users: next }));
        names = next;
      });
    return { database, add, names: () => names };
  }

  const failureOf = (url: string): Promise<string> =>
    open(url).then(
      () => 'it is open',
      (error: unknown) => explain(error),
    );

  test('servers that start at once make the tables once, and have what another one saves', async () => {
    const { url } = await postgresql.database();
    const servers = await Promise.all([startServer(url), startServer(url), startServer(url)]);
    const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    await Promise.all(all.map((name, at) => servers[at % 3]?.add(name)));
    await until(() => (servers.every(({ names }) => names().length === all.length) ? true : undefined));
    for (const { names } of servers) {
      expect([...names()].sort()).toEqual(all);
    }
  });

  test('what was saved while a server had no connection is there when it has one', async () => {
    const { name, url } = await postgresql.database();
    const [one, other] = [await startServer(url), await startServer(url)];
    await one.add('a');
    await postgresql.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND usename = 'perch'`,
    );
    await until(() =>
      one.add('b').then(
        () => true,
        () => undefined,
      ),
    );
    await until(() => (other.names().length === 2 ? true : undefined));
    expect(other.names()).toEqual(['a', 'b']);
    expect([one, other].map(({ database }) => database.isCurrent('users.json'))).toEqual([true, true]);
  });

  test('a server that hears no notification, as behind a pooler, has the changes of others nevertheless', async () => {
    const { name, url } = await postgresql.database();
    const [one, other] = [await startServer(url), await startServer(url)];
    await postgresql.sql('DROP TRIGGER perch_document_saved ON perch_documents', name);
    await one.add('a');
    await until(() => (other.names().includes('a') ? true : undefined));
  });

  test('a change that cannot be taken is tried again, and after two minutes its document alone is not current', async () => {
    const { name, url } = await postgresql.database();
    let skippedMs = 0;
    const clock = { ...systemClock, monoMs: () => systemClock.monoMs() + skippedMs };
    const [one, other] = [await startServer(url), await startServer(url, clock)];
    await one.add('a');
    await until(() => (other.names().includes('a') ? true : undefined));
    const put = (value: string) => postgresql.sql(`UPDATE perch_documents SET value = '${value}'`, name);
    await postgresql.sql('DROP TRIGGER perch_document_saved ON perch_documents', name);
    await put('{"users":[7]}');
    skippedMs = 130_000;
    const isCurrent = (document: string) => other.database.isCurrent(document);
    await until(() => (isCurrent('layouts.json') && !isCurrent('users.json') ? true : undefined));
    expect(other.names()).toEqual(['a']);
    await put('{"users":["b"]}');
    await until(() => (isCurrent('users.json') && other.names().includes('b') ? true : undefined));
  });

  test('a removed document has a new version, and is there for nobody', async () => {
    const { url } = await postgresql.database();
    const database = await open(url);
    const version = await database.save('users.json', '{"users":[]}', 0);
    await expect(database.save('users.json', '{}', 0)).rejects.toMatchObject({ code: 'conflict' });
    const removed = await database.save('users.json', undefined, version);
    expect(removed).toBeGreaterThan(version);
    expect(await database.load('users.json')).toEqual({ value: undefined, version: removed });
  });

  test('rows replace those with their ids, the latest come first, and old ones are removed', async () => {
    const { url } = await postgresql.database();
    const [one, other] = [await open(url), await open(url)];
    const row = (id: string, value: number, atMs: number) => ({ id, json: JSON.stringify({ value }), atMs });
    await one.putRows('views', [row('a', 1, 1_000), row('b', 2, 2_000), row('a', 3, 3_000)]);
    await other.putRows('views', [row('b', 4, 500), row("c'", 5, 4_000)]);
    await other.putRows('others', [row('a', 6, 1_000)]);
    expect(await one.readRows('views', 10)).toEqual([{ value: 5 }, { value: 3 }, { value: 4 }]);
    expect(await one.readRows('views', 1)).toEqual([{ value: 5 }]);
    await other.removeRows('views', 3_500);
    expect(await one.readRows('views', 10)).toEqual([{ value: 5 }]);
    expect(await one.readRows('others', 10)).toEqual([{ value: 6 }]);
    expect(await one.takeRow('others', ['a'], 1_001)).toBeUndefined();
    const taken = await Promise.all([one, other].map((server) => server.takeRow('others', ['z', 'a'], 1_000)));
    expect(taken).toEqual(expect.arrayContaining([{ value: 6 }, undefined]));
  });

  test('a name is leased to one server at a time, also of many that ask at once, until it ends or is given up', async () => {
    const { name, url } = await postgresql.database();
    const servers = await Promise.all([startServer(url), startServer(url), startServer(url)]);
    const names = Array.from({ length: 100 }, (_, i) => `event ${i} ${'x'.repeat(1_000)}`);
    // Each in another order, and twice.
    const orders = [names, names.toReversed(), [...names.slice(50), ...names]];
    const ask = (ms: number) => Promise.all(servers.map(({ database }, i) => database.lease(orders[i] ?? [], ms)));
    const first = await ask(60_000);
    expect(first.flatMap((own) => [...own]).sort()).toEqual([...names].sort());
    expect(await ask(60_000)).toEqual(first);
    expect(await postgresql.sql('SELECT count(*) FROM perch_leases', name)).toBe('100\n');
    const at = first.findIndex((own) => own.has('event 0 '.padEnd(1_008, 'x')));
    const [holder, other] = [servers[at], servers[(at + 1) % 3]];
    const [shortest = ''] = names;
    await other?.database.release(shortest);
    expect(await other?.database.lease([shortest], 1)).toEqual(new Set());
    await holder?.database.release(shortest);
    expect(await other?.database.lease([shortest], 1)).toEqual(new Set([shortest]));
    await until(async () => ((await holder?.database.lease([shortest], 1))?.size === 1 ? true : undefined));
    // A server forgets what has ended when it first asks.
    await postgresql.sql(`UPDATE perch_leases SET until = now() - interval '1 s'`, name);
    const late = await startServer(url);
    expect(await late.database.lease(['other'], 60_000)).toEqual(new Set(['other']));
    expect(await postgresql.sql('SELECT count(*) FROM perch_leases', name)).toBe('1\n');
    await postgresql.sql(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
       CREATE TRIGGER refuse BEFORE DELETE ON perch_leases EXECUTE FUNCTION refuse()`,
      name,
    );
    const last = await startServer(url);
    expect(await last.database.lease(['third'], 60_000)).toEqual(new Set(['third']));
  });

  test('tables of the first version get what is new', async () => {
    const { name, url } = await postgresql.database();
    const first = await open(url);
    await first.save('users.json', '{"users":["a"]}', 0);
    await postgresql.sql(
      'DROP TABLE perch_rows, perch_events, perch_event_store, perch_leases; UPDATE perch_schema SET version = 1',
      name,
    );
    const [database] = await Promise.all([open(url), open(url)]);
    expect(await database.readRows('views', 1)).toEqual([]);
    expect((await database.load('users.json')).value).toEqual({ users: ['a'] });
  });

  test('an open that fails when the tables are there leaves nothing running', async () => {
    const { name, url } = await postgresql.database();
    await open(url);
    await postgresql.sql('REVOKE ALL ON perch_documents FROM perch', name);
    let checks = 0;
    const eachSecond = (tick: () => void) => {
      checks += 1;
      const stop = systemClock.eachSecond(tick);
      return () => {
        checks -= 1;
        stop();
      };
    };
    await expect(open(url, { ...systemClock, eachSecond })).rejects.toThrow("user 'perch' lacks a permission there");
    expect(checks).toBe(0);
  });

  test('TLS is verified: an authority that is named, and the name of the host', async () => {
    const { url } = await postgresql.database();
    expect(await failureOf(`${url}?sslmode=verify-full`)).toContain('certificate is not trusted');
    expect(await failureOf(`${url}?sslmode=verify-full&sslrootcert=/no/such.pem`)).toContain(
      'cannot read the file of sslrootcert, /no/such.pem',
    );
    await open(`${url}?sslmode=verify-full&sslrootcert=${AUTHORITY}`);
    expect(
      await postgresql.sql(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'perch'",
      ),
    ).toMatch(/^t/);
    // The certificate does not have this address.
    const otherAddress = url.replace('127.0.0.1', '127.0.0.2');
    expect(await failureOf(`${otherAddress}?sslmode=verify-full&sslrootcert=${AUTHORITY}`)).toContain('127.0.0.2');
  });

  test('a database that cannot be used says what to do', async () => {
    const { name, url } = await postgresql.database();
    const place = `database '${name}' at 127.0.0.1:${postgresql.port}: `;
    expect(await failureOf(url.replace(/:[^:@]*@/, ':wrong@'))).toContain(
      `${place}it rejects the password of user 'perch'`,
    );
    expect(await failureOf(url.replace(name, 'nowhere'))).toContain("there is no database 'nowhere'");
    await postgresql.sql(`CREATE DATABASE ${name}_foreign`);
    expect(await failureOf(url.replace(name, `${name}_foreign`))).toContain("user 'perch' lacks a permission there");
    expect(await failureOf(url.replace(String(postgresql.port), '1'))).toContain('it does not answer (');
    await open(url);
    await postgresql.sql('UPDATE perch_schema SET version = 99', name);
    expect(await failureOf(url)).toContain('the database has tables of form 99');
  });
});
