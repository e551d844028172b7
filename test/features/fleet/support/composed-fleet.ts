import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { credentialIn } from '../../../../agent/features/fleet/bus/credential.ts';
import { FleetAuthority } from '../../../../agent/features/fleet/issue/authority.ts';
import { AGENT, addresses, freeAgentPorts, until } from '../../../peers/agent/agent.ts';
import { startPostgresql } from '../../../peers/programs/postgresql.ts';
import { type RunningProcess, runProcess, startProcess } from '../../../peers/programs/process.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';

const FOLDER = join(import.meta.dirname, '../../../../packaging/fleet');
export const DOMAIN = 'fleet.test';
/** Where Debian has the programs of the images. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'nats-server': '/usr/sbin/nats-server',
  haproxy: '/usr/sbin/haproxy',
};
/** The network of the compose file hands out the addresses that it does not name. */
const ADDRESSES: Readonly<Record<string, string>> = { postgres: '10.83.85.13', nats: '10.83.85.14' };

interface Service {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly networks?: { readonly default: { readonly ipv4_address?: string; readonly aliases?: readonly string[] } };
  readonly healthcheck?: { readonly test: readonly string[] };
}

export interface ComposedFleet extends AsyncDisposable {
  readonly folder: string;
  /** PEM of the authority of its certificate. */
  readonly authority: string;
  /** Runs a program in the network of the fleet. */
  run(...words: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }>;
  /** A command of Perch with the environment of a server. @param input at its standard input */
  perch(server: 'one' | 'two', words: readonly string[], input?: string): Promise<string>;
  stop(server: 'one' | 'two'): Promise<void>;
}

let count = 0;

/**
 * The services of `packaging/fleet/compose.yaml` by Debian's programs in one network of their own: with its addresses, names, ports,
 * environment, commands and health checks, and the files that it mounts. Only folders are others, because there are no images.
 */
export async function startComposedFleet(): Promise<ComposedFleet> {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(temporaryFolder());
  cpSync(FOLDER, folder, { recursive: true });
  const authority = makeCertificate(folder);
  const keys = await FleetAuthority.create(join(folder, 'keys'), {
    natsURL: `tls://nats.${DOMAIN}:4222`,
    authority: readFileSync(authority, 'utf8'),
    hosts: [`one.${DOMAIN}:443`, `two.${DOMAIN}:443`],
  });
  writeFileSync(join(folder, 'fleet.conf'), await keys.serverConfig('/var/lib/nats/perch-accounts'));
  const filled = { DOMAIN, DATABASE_PASSWORD: 'ab12cd34', PERCH_IMAGE: 'localhost/perch:test' };
  const variables = { ...readEnv(join(folder, 'env.example')), ...filled };
  const services = readServices(readFileSync(join(folder, 'compose.yaml'), 'utf8'), variables);

  const { within, addressOf } = await openNetwork(stack, folder, services);
  const run = (...command: readonly string[]) => runProcess('ip', [...within, ...command]);
  /** @param more in place of what its own network would give it */
  const start = (name: string, command: readonly string[], more: NodeJS.ProcessEnv = {}): RunningProcess => {
    const running = startProcess('ip', [...within, ...command], { ...more, ...services[name]?.environment });
    // HAProxy's master ends its workers.
    stack.defer(async () => void (await running.stop('SIGTERM')));
    return running;
  };
  /** By its own health check. */
  const becomesHealthy = async (name: string, running?: RunningProcess): Promise<void> => {
    const [, ...words] = services[name]?.healthcheck?.test ?? [];
    const ended = running?.exited.then(() => Promise.reject(new Error(`${name} ended: ${running.output()}`)));
    const healthy = until(async () => ((await run(...words)).code === 0 ? true : undefined));
    await Promise.race([healthy, ...(ended ? [ended] : [])]);
  };

  const { POSTGRES_PASSWORD = '', POSTGRES_DB = '' } = services['postgres']?.environment ?? {};
  const place = { within: ['ip', ...within], address: `127.0.0.1,${addressOf('postgres')}`, port: 5432 };
  const postgresql = stack.use(await startPostgresql(place));
  // As the image does at its first start.
  await postgresql.sql(`ALTER ROLE perch PASSWORD '${POSTGRES_PASSWORD}'`);
  await postgresql.sql(`CREATE DATABASE ${POSTGRES_DB} OWNER perch`);
  await becomesHealthy('postgres');
  const startImage = (name: string): Promise<void> => {
    const [program = '', ...options] = services[name]?.command ?? [];
    const placed = options.map((word) => placeOf(word, services[name]?.volumes ?? [], folder));
    return becomesHealthy(name, start(name, [PROGRAMS[program] ?? '', ...placed]));
  };
  await startImage('nats');
  const ports = await freeAgentPorts();
  const file = join(folder, 'perch.yml');
  const servers = new Map<string, RunningProcess>();
  const variablesOf = (name: string): NodeJS.ProcessEnv => ({
    ...Object.fromEntries(
      Object.entries(addresses({ ...ports, main: 8080 }, { host: addressOf(name) })).map(([key, value]) => [
        `PERCH_${key.toUpperCase()}`,
        value,
      ]),
    ),
    ...services[name]?.environment,
  });
  const perch: ComposedFleet['perch'] = async (server, command, input = '') => {
    const agent = [process.execPath, ...AGENT, ...command, '--data', join(folder, server)];
    const running = startProcess('ip', [...within, ...agent], variablesOf(server));
    running.child.stdin.end(input);
    return succeed({ code: await running.exited, output: running.output() });
  };
  await perch('one', ['fleet', 'publish', join(folder, 'keys')]);
  for (const name of ['one', 'two'] as const) {
    const credential = await keys.issue({ role: 'server', id: name });
    await credentialIn(join(folder, name)).save(() => credential);
    const agent = [process.execPath, ...AGENT, '--data', join(folder, name), file];
    servers.set(name, start(name, agent, variablesOf(name)));
  }
  await Promise.all([...servers.values()].map((server) => server.waitFor(/Perch is at http/)));
  await startImage('haproxy');
  const all = stack.move();
  return {
    folder,
    authority,
    run,
    perch,
    stop: async (server) => void (await servers.get(server)?.stop('SIGKILL')),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function openNetwork(
  stack: AsyncDisposableStack,
  folder: string,
  services: Readonly<Record<string, Service>>,
): Promise<{ readonly within: readonly string[]; addressOf(name: string): string }> {
  count += 1;
  const name = `perch-composed-${process.pid}-${count}`;
  const ip = async (...words: readonly string[]) => void succeed(await runProcess('ip', words));
  await ip('netns', 'add', name);
  stack.defer(() => ip('netns', 'del', name));
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  const addressOf = (service: string): string =>
    services[service]?.networks?.default.ipv4_address ?? ADDRESSES[service] ?? '';
  const lines = ['127.0.0.1 localhost'];
  for (const [service, { networks }] of Object.entries(services)) {
    await ip('-n', name, 'addr', 'add', `${addressOf(service)}/32`, 'dev', 'lo');
    lines.push([addressOf(service), service, ...(networks?.default.aliases ?? [])].join(' '));
  }
  // Servers see HAProxy's address, which they trust, as in a network of several machines.
  for (const server of ['one', 'two']) {
    const from = ['src', addressOf('haproxy')];
    await ip('-n', name, 'route', 'replace', 'local', addressOf(server), 'dev', 'lo', 'table', 'local', ...from);
  }
  // As the DNS has them for everybody.
  lines.push(`${addressOf('haproxy')} ${['', 'one.', 'two.'].map((prefix) => `${prefix}${DOMAIN}`).join(' ')}`);
  const hosts = join(folder, 'hosts');
  writeFileSync(hosts, `${lines.join('\n')}\n`);
  // The mount is that of this process alone.
  const named = ['sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', hosts];
  return { within: ['netns', 'exec', name, ...named], addressOf };
}

/** Compose's way: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`; null is an empty service. */
function readServices(text: string, variables: Readonly<Record<string, string>>): Readonly<Record<string, Service>> {
  const filled = text.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind = '', more = '') => {
    const value = variables[name];
    if (value === undefined && kind !== '-') {
      throw new Error(`${name} is not in env.example: ${more}`);
    }
    return value || more;
  });
  return parse(filled, { merge: true }).services;
}

const readEnv = (file: string): Record<string, string> =>
  Object.fromEntries(
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => /^\w+=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

/** The file of the machine that is mounted at this place of the container, with the places that it names itself. */
function placeOf(word: string, volumes: readonly string[], folder: string): string {
  const mounts = volumes
    .map((volume) => volume.split(':'))
    .map(([from = '', to = '']) => [join(folder, from), to] as const);
  const found = mounts.find(([, to]) => to === word);
  if (!found) {
    return word;
  }
  for (const [file] of mounts.filter(([one]) => /\.(?:cfg|conf)$/.test(one))) {
    const text = mounts.reduce((all, [from, to]) => all.replaceAll(`${to}/`, `${from}/`), readFileSync(file, 'utf8'));
    writeFileSync(file, text);
  }
  return found[0];
}

/** Of all four names, with its key next to it. @returns the file of its authority, which it is itself */
function makeCertificate(folder: string): string {
  const tls = join(folder, 'tls');
  mkdirSync(tls);
  const names = ['', 'one.', 'two.', 'nats.'].map((prefix) => `DNS:${prefix}${DOMAIN}`).join(',');
  const file = join(tls, 'fleet.pem');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${DOMAIN}`, '-addext', `subjectAltName=${names}`, '-keyout', `${file}.key`, '-out', file],
    ],
    { stdio: 'pipe' },
  );
  return file;
}

function succeed({ code, output }: { readonly code: number | null; readonly output: string }): string {
  if (code !== 0) {
    throw new Error(output);
  }
  return output;
}
