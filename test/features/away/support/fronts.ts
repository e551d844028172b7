import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../peers/agent/agent.ts';
import { type FrontServer, makeCertificate, startProxy } from '../../../peers/host/proxies.ts';
import { startProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';

/** A proxy that ends TLS for `localhost`. */
export type Front = Pick<
  FrontServer,
  'tlsPort' | 'certificate' | 'certificateFile' | 'restart' | typeof Symbol.asyncDispose
>;

/** The guide's idle time is an hour; with this one a test sees that a link outlives it. */
export const IDLE_S = 6;
const GUIDE = join(import.meta.dirname, '../../../../docs/guide/access/reverse-proxy.md');
const shortened = (text: string): string =>
  text.replaceAll(/(proxy_read_timeout|timeout (?:client|server)) 1h/g, `$1 ${IDLE_S}s`);

export const startWebServer = (name: 'nginx' | 'caddy', perchPort: number): Promise<FrontServer> =>
  startProxy(name, perchPort, shortened);

/** HAProxy as the guide has it. */
export async function startHaproxy(perchPort: number): Promise<Front> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-haproxy-'));
  const tlsPort = await freePort();
  const certificate = makeCertificate(folder);
  const both = join(folder, 'both.pem');
  writeFileSync(both, certificate + readFileSync(join(folder, 'cert.key'), 'utf8'));
  const [, text = ''] = readFileSync(GUIDE, 'utf8').match(/```haproxy\n(frontend[\s\S]*?)```/) ?? [];
  const file = join(folder, 'haproxy.cfg');
  const placed = shortened(text)
    .replace(':443', `127.0.0.1:${tlsPort}`)
    .replace('/etc/ssl/perch.example.pem', both)
    .replace('127.0.0.1:8080', `127.0.0.1:${perchPort}`);
  writeFileSync(file, `global\n  maxconn 200\n${placed}`);
  const start = async () => {
    const running = startProcess('/usr/sbin/haproxy', ['-db', '-f', file]);
    await Promise.race([
      until(() => accepts(tlsPort)),
      running.exited.then(() => Promise.reject(new Error(`HAProxy ended: ${running.output()}`))),
    ]);
    return running;
  };
  let running = await start();
  return {
    tlsPort,
    certificate,
    certificateFile: join(folder, 'cert.pem'),
    async restart() {
      await running.stop('SIGTERM');
      running = await start();
    },
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface ConnectProxy extends AsyncDisposable {
  readonly url: string;
  /** Its log: one line for each tunnel that has ended. */
  log(): string;
  restart(): Promise<void>;
}

/** Apache as an HTTP proxy that opens tunnels to one port. */
export async function startConnectProxy(targetPort: number): Promise<ConnectProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-connect-'));
  const port = await freePort();
  const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_connect'];
  const log = join(folder, 'access.log');
  writeFileSync(log, '');
  const text = `${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerRoot ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
CustomLog ${log} "%r %>s"
ServerName localhost
User www-data
Group www-data
StartServers 1
Listen 127.0.0.1:${port}
ProxyRequests On
AllowCONNECT ${targetPort}
`;
  const file = join(folder, 'apache.conf');
  writeFileSync(file, text);
  const start = async () => {
    const running = startProcess('/usr/sbin/apache2', ['-DFOREGROUND', '-f', file]);
    await Promise.race([
      until(() => accepts(port)),
      running.exited.then(() => Promise.reject(new Error(`Apache ended: ${running.output()}`))),
    ]);
    return running;
  };
  let running = await start();
  return {
    url: `http://127.0.0.1:${port}`,
    log: () => readFileSync(log, 'utf8'),
    async restart() {
      await running.stop('SIGTERM');
      running = await start();
    },
    async [Symbol.asyncDispose]() {
      await running.stop('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const accepts = (port: number): Promise<true | undefined> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(undefined));
  });
