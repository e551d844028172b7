import type { ClientBase } from 'pg';
import { PerchError } from '../../../base/errors.ts';

/** Debian 11 has 13. */
const OLDEST_SERVER = 13;
/** Two servers that start do not change the tables at once. */
const LOCK = 0x7065_7263;

/** Each is applied once, in this order. One that was released is never changed. */
const MIGRATIONS: readonly string[] = [
  `CREATE SEQUENCE perch_version;
   CREATE TABLE perch_documents (
     name text PRIMARY KEY,
     version bigint NOT NULL,
     value json,
     changed timestamptz NOT NULL
   );
   CREATE FUNCTION perch_document_version() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       NEW.version := nextval('perch_version');
       NEW.changed := now();
       RETURN NEW;
     END $$;
   CREATE TRIGGER perch_document_version BEFORE INSERT OR UPDATE ON perch_documents
     FOR EACH ROW EXECUTE FUNCTION perch_document_version();
   CREATE FUNCTION perch_document_saved() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       PERFORM pg_notify('perch_documents', NEW.name || ' ' || NEW.version);
       RETURN NULL;
     END $$;
   CREATE TRIGGER perch_document_saved AFTER INSERT OR UPDATE ON perch_documents
     FOR EACH ROW EXECUTE FUNCTION perch_document_saved();`,
  `CREATE TABLE perch_rows (
     list text NOT NULL,
     id text NOT NULL,
     value json NOT NULL,
     at timestamptz NOT NULL,
     PRIMARY KEY (list, id)
   );
   CREATE INDEX perch_rows_at ON perch_rows (list, at);`,
  // Changes take their number from the one row of perch_event_store, so they are visible in the order of their numbers.
  `CREATE TABLE perch_event_store (id uuid NOT NULL, version bigint NOT NULL);
   INSERT INTO perch_event_store VALUES (gen_random_uuid(), 0);
   CREATE TABLE perch_events (
     path text NOT NULL,
     id text NOT NULL,
     version bigint NOT NULL,
     start_us bigint NOT NULL,
     end_us bigint,
     line json NOT NULL,
     PRIMARY KEY (path, id)
   );
   CREATE UNIQUE INDEX perch_events_version ON perch_events (version);
   CREATE INDEX perch_events_start ON perch_events (path, start_us);
   CREATE INDEX perch_events_open ON perch_events (start_us) WHERE end_us IS NULL;`,
  // Not logged: a crash of PostgreSQL may empty it.
  `CREATE UNLOGGED TABLE perch_leases (name text PRIMARY KEY, holder uuid NOT NULL, until timestamptz NOT NULL);
   CREATE INDEX perch_leases_until ON perch_leases (until);`,
];

/** Brings the tables to the form of this version. @param migrations default: all @throws PerchError unsupported for a newer form, and an older server */
export async function migrate(client: ClientBase, migrations = MIGRATIONS): Promise<void> {
  const { rows } = await client.query<{ number: string }>("SELECT current_setting('server_version_num') AS number");
  const major = Math.floor(Number(rows[0]?.number) / 10_000);
  if (major < OLDEST_SERVER) {
    throw new PerchError('unsupported', `PostgreSQL ${major} is too old: Perch needs ${OLDEST_SERVER} or later`);
  }
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    await applyMissing(client, migrations);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

async function applyMissing(client: ClientBase, migrations: readonly string[]): Promise<void> {
  const { rows: found } = await client.query<{ is: boolean }>("SELECT to_regclass('perch_schema') IS NOT NULL AS is");
  if (!found[0]?.is) {
    await client.query('CREATE TABLE perch_schema (version integer NOT NULL)');
    await client.query('INSERT INTO perch_schema VALUES (0)');
  }
  const { rows } = await client.query<{ version: number }>('SELECT version FROM perch_schema');
  const now = rows[0]?.version ?? 0;
  if (now > migrations.length) {
    const text = `the database has tables of form ${now}, this Perch knows up to ${migrations.length}: update it`;
    throw new PerchError('unsupported', text);
  }
  for (const migration of migrations.slice(now)) {
    await client.query(migration);
  }
  if (now < migrations.length) {
    await client.query('UPDATE perch_schema SET version = $1', [migrations.length]);
  }
}
