import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/base/free-port.ts';
import { freeUdpPort } from '../../support/base/free-udp-port.ts';
import { type RunningProcess, startProcess } from './process.ts';

/** Let's Encrypt's authority for tests, with a DNS of its own. */
export interface Pebble extends AsyncDisposable {
  readonly directory: string;
  /** File with the certificate of its https server, for `NODE_EXTRA_CA_CERTS`. */
  readonly serverCertificate: string;
  /** It checks names at this port, instead of 80. */
  readonly checkPort: number;
  /** The root of what it issues, PEM: another one after each start. */
  root(): Promise<string>;
  /** The IPv4 address of a name; the others have 127.0.0.1. */
  setAddress(host: string, address: string): Promise<void>;
  log(): string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** @param env of pebble(1), such as `PEBBLE_WFE_NONCEREJECT` */
export async function startPebble(env: NodeJS.ProcessEnv = {}): Promise<Pebble> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-pebble-'));
  const [port = 0, managementPort = 0, checkPort = 0, tlsPort = 0, dnsPort = 0] = await freePorts(5);
  const udp = await freeUdpPort();
  const [key, certificate, file] = ['key.pem', 'cert.pem', 'pebble.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', [...kind, ...names, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const settings = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate,
    privateKey: key,
    httpPort: checkPort,
    tlsPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: false,
  };
  writeFileSync(file, JSON.stringify({ pebble: settings }));
  const dnsOptions = ['-dns01', `127.0.0.1:${udp}`, '-management', `127.0.0.1:${dnsPort}`, '-defaultIPv6', ''];
  const dns = startProcess('/usr/bin/pebble-challtestsrv', [
    ...dnsOptions,
    ...['-http01', '', '-https01', '', '-tlsalpn01', ''],
  ]);
  await dns.waitFor(/Starting (?:management|challenge) server/);
  let running: RunningProcess;
  const start = async () => {
    const more = { PEBBLE_VA_NOSLEEP: '1', ...env };
    running = startProcess('/usr/bin/pebble', ['-config', file, '-dnsserver', `127.0.0.1:${udp}`], more);
    await running.waitFor(/ACME directory available/);
  };
  const stop = async () => void (await running.stop('SIGTERM'));
  await start();
  return {
    directory: `https://localhost:${port}/dir`,
    serverCertificate: certificate,
    checkPort,
    root: async () => {
      const args = ['-s', '--fail', '--retry', '5', '--retry-connrefused', '--cacert', certificate];
      return execFileSync('curl', [...args, `https://localhost:${managementPort}/roots/0`], { encoding: 'utf8' });
    },
    setAddress: async (host, address) => {
      const body = JSON.stringify({ host, addresses: [address] });
      for (const call of ['clear-a', 'add-a']) {
        const answer = await fetch(`http://127.0.0.1:${dnsPort}/${call}`, { method: 'POST', body });
        if (!answer.ok) {
          throw new Error(`${call}: ${answer.status} ${await answer.text()}`);
        }
      }
    },
    log: () => running.output(),
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stop();
      await dns.stop('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
