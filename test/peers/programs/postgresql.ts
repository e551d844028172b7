import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { freePort } from '../../support/base/free-port.ts';
import { runProcess } from './process.ts';

const BIN = ['17', '15', '13'].map((version) => `/usr/lib/postgresql/${version}/bin`).find(existsSync) ?? '/usr/bin';
const TLS = join(import.meta.dirname, '../../fixtures/tls');
export const DATABASE_PASSWORD = 'a wren in the hedge';
/** Debian's user of the package; PostgreSQL refuses to run as root. */
const ACCOUNT = 'postgres';

/** With a log of 1 MB at first, because `initdb` writes all of it. */
const EMPTY = '-U super --auth-local=trust --auth-host=scram-sha-256 -E UTF8 -N --wal-segsize=1'.split(' ');
/** What `initdb` has made is kept for copies, which take a third of its processor time. */
const KEPT_IN = join(import.meta.dirname, '../../../node_modules/.cache/postgresql');

export interface Postgresql extends AsyncDisposable {
  readonly port: number;
  /** Of a new, empty database, whose owner is the user `perch`. @param parameters such as `?sslmode=verify-full` */
  database(parameters?: string): Promise<{ readonly name: string; readonly url: string }>;
  /** Runs SQL as the superuser. @returns rows without headers, columns separated by `|` */
  sql(text: string, database?: string): Promise<string>;
  /** Of its first process. */
  pid(): number;
  start(): Promise<void>;
  /** As at a power cut. */
  kill(): Promise<void>;
}

/**
 * Debian's PostgreSQL in a folder of its own, with TLS (`test/fixtures/tls`), and passwords (SCRAM) over TCP.
 * @param place another address and port, and the words that run a program where they are
 */
export async function startPostgresql(
  place: { readonly within?: readonly string[]; readonly address?: string; readonly port?: number } = {},
): Promise<Postgresql> {
  const { within = [], address = '127.0.0.1,127.0.0.2' } = place;
  const folder = mkdtempSync(join(tmpdir(), 'perch-postgresql-'));
  const data = join(folder, 'data');
  const isRoot = process.getuid?.() === 0;
  const run = async (program: string, ...args: readonly string[]): Promise<string> => {
    const command = [join(BIN, program), ...args];
    const [first = '', ...rest] = [...within, ...(isRoot ? ['setpriv', ...(await asAccount())] : []), ...command];
    const { code, output } = await runProcess(first, rest);
    if (code !== 0) {
      throw new Error(`${program} ends with ${code}: ${output}`);
    }
    return output;
  };
  if (isRoot) {
    const [uid = 0, gid = 0] = await idsOf();
    chownSync(folder, uid, gid);
  }
  chmodSync(folder, 0o700);
  const kept = await keptFolder(isRoot);
  if (!(await isCopied(kept, data))) {
    await run('initdb', '-D', data, ...EMPTY);
    await keepEmpty(data, kept);
  }
  for (const name of ['server.crt', 'server.key']) {
    copyFileSync(join(TLS, name), join(data, name));
    chmodSync(join(data, name), 0o600);
    if (isRoot) {
      const [uid = 0, gid = 0] = await idsOf();
      chownSync(join(data, name), uid, gid);
    }
  }
  const port = place.port ?? (await freePort());
  writeFileSync(
    join(data, 'postgresql.auto.conf'),
    `port = ${port}
listen_addresses = '${address}'
unix_socket_directories = '${folder}'
ssl = on
fsync = off
max_connections = 60
shared_buffers = 4MB
`,
  );
  if (place.address !== undefined) {
    appendFileSync(join(data, 'pg_hba.conf'), 'host all all all scram-sha-256\n');
  }
  const start = async () =>
    void (await run('pg_ctl', 'start', '-w', '-t', '60', '-D', data, '-l', join(folder, 'log')));
  const kill = async () => void (await run('pg_ctl', 'stop', '-w', '-m', 'immediate', '-D', data));
  const sql = (text: string, database = 'postgres') =>
    run(
      'psql',
      '-h',
      folder,
      '-p',
      String(port),
      '-U',
      'super',
      '-d',
      database,
      '-qAtX',
      '-v',
      'ON_ERROR_STOP=1',
      '-c',
      text,
    );
  await start();
  await sql(`CREATE ROLE perch LOGIN PASSWORD '${DATABASE_PASSWORD}'`);
  let count = 0;
  return {
    port,
    database: async (parameters = '') => {
      count += 1;
      const name = `perch${count}`;
      await sql(`CREATE DATABASE ${name} OWNER perch`);
      const login = `perch:${encodeURIComponent(DATABASE_PASSWORD)}`;
      return { name, url: `postgres://${login}@127.0.0.1:${port}/${name}${parameters}` };
    },
    sql,
    pid: () => Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]),
    start,
    kill,
    async [Symbol.asyncDispose]() {
      await kill().catch(() => {});
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** By all that a data folder depends on: the program, its options and locale, and whose it is. */
async function keptFolder(isRoot: boolean): Promise<string> {
  const owner = isRoot ? (await idsOf())[0] : process.getuid?.();
  const { LC_ALL, LANG } = process.env;
  const facts = JSON.stringify([BIN, EMPTY, owner, LC_ALL, LANG]);
  return join(KEPT_IN, createHash('sha256').update(facts).digest('hex').slice(0, 16));
}

/** @returns false: there is nothing to copy yet, or it cannot be copied */
async function isCopied(kept: string, data: string): Promise<boolean> {
  if (!existsSync(kept)) {
    return false;
  }
  const { code } = await runProcess('cp', ['-a', kept, data]);
  if (code !== 0) {
    rmSync(data, { recursive: true, force: true });
  }
  return code === 0;
}

async function keepEmpty(data: string, kept: string): Promise<void> {
  const draft = `${kept}.${process.pid}-${threadId}`;
  mkdirSync(KEPT_IN, { recursive: true });
  try {
    if ((await runProcess('cp', ['-a', data, draft])).code === 0) {
      renameSync(draft, kept);
    }
  } catch {
    // Another worker was first.
  }
  rmSync(draft, { recursive: true, force: true });
}

async function readIds(): Promise<readonly number[]> {
  const { output } = await runProcess('id', ['-u', ACCOUNT]);
  const { output: group } = await runProcess('id', ['-g', ACCOUNT]);
  return [Number(output), Number(group)];
}

let ids: Promise<readonly number[]> | undefined;
const idsOf = () => (ids ??= readIds());

async function asAccount(): Promise<readonly string[]> {
  const [uid, gid] = await idsOf();
  return ['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--'];
}
