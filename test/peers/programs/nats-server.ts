import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/base/free-port.ts';
import { type RunningProcess, startProcess } from './process.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
/** PEM of the authority of the server's certificate. */
export const NATS_AUTHORITY = readFileSync(`${TLS}/server.crt`, 'utf8');

export interface NatsServer extends AsyncDisposable {
  /** With TLS. */
  readonly url: string;
  /** Of the process that runs now. */
  readonly pid: number;
  start(): Promise<void>;
  /** Ends it; streams and accounts are kept for `start`. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

interface NatsServerOptions {
  /** Address that it listens on; default: loopback. */
  readonly host?: string;
  /** Files of its certificate, default: that of `NATS_AUTHORITY`. */
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** Its name, and the ports of loopback by which all servers of its cluster reach each other, its own first. */
  readonly cluster?: { readonly name: string; readonly ports: readonly number[] };
}

/** Debian's nats-server with JetStream and TLS. @param accounts the part of its configuration that says who may do what, for a folder */
export async function startNatsServer(
  accounts: (store: string) => Promise<string>,
  { host = '127.0.0.1', certificate, cluster }: NatsServerOptions = {},
): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-nats-'));
  const [port = 0] = await freePorts(1);
  const { cert, key } = certificate ?? { cert: `${TLS}/server.crt`, key: `${TLS}/server.key` };
  const [own, ...others] = cluster?.ports ?? [];
  const routes = others.map((other) => `"nats://127.0.0.1:${other}"`).join(', ');
  const file = join(folder, 'nats.conf');
  writeFileSync(
    file,
    `listen: "${host}:${port}"
server_name: "${cluster?.name ?? 'test'}"
jetstream { store_dir: "${folder}/jetstream" }
tls { cert_file: "${cert}", key_file: "${key}", timeout: 30 }
${cluster ? `cluster { name: "test", listen: "127.0.0.1:${own}", routes: [${routes}] }` : ''}
${await accounts(join(folder, 'accounts'))}`,
  );
  let server: RunningProcess;
  const start = async () => {
    server = startProcess('/usr/sbin/nats-server', ['-c', file]);
    await server.waitFor(/Server is ready/);
  };
  await start();
  return {
    url: `tls://${host}:${port}`,
    get pid() {
      return server.pid;
    },
    start,
    stop: async (signal = 'SIGTERM') => void (await server.stop(signal)),
    async [Symbol.asyncDispose]() {
      await server.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
