import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../peers/agent/agent.ts';
import { startProcess } from '../../../peers/programs/process.ts';
import { freePorts } from '../../../support/base/free-port.ts';

/** Names the replica that has answered. */
export const SERVED_BY = 'x-served-by';

export interface Balancer extends AsyncDisposable {
  /** For people, on loopback without TLS. */
  readonly url: string;
  /** `host:port` of https, for boxes. */
  readonly address: string;
}

interface Balanced {
  readonly host: string;
  /** File of its certificate and key. */
  readonly certificate: string;
  /** Main ports of the replicas on loopback. */
  readonly ports: readonly number[];
  readonly isSticky?: boolean;
}

const SHIPPED = readFileSync(join(import.meta.dirname, '../../../../packaging/fleet/haproxy.cfg'), 'utf8');
const NAMES = ['one', 'two', 'three'];
/** By which clients stay at one server, and what is there instead. */
const STICKY: readonly (readonly [from: string | RegExp, to: string])[] = [
  ['balance source\n', 'balance roundrobin\n'],
  [/ {2}hash-type .*\n/, ''],
  [/ {2}cookie .*\n/, ''],
];

/** Exactly one place of the file changes. */
function replaced(text: string, from: string | RegExp, to: string): string {
  const parts = text.split(from);
  if (parts.length !== 2) {
    throw new Error(`packaging/fleet/haproxy.cfg has ${parts.length - 1} times ${from}`);
  }
  return parts.join(to);
}

/**
 * HAProxy with the file of `packaging/fleet`: with other ports, certificate and servers, and a port without TLS.
 * @param isSticky as in that file; default: it sends each request to the next replica, whoever asks
 */
export async function startBalancer({ host, certificate, ports, isSticky = false }: Balanced): Promise<Balancer> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-balancer-'));
  const [plain = 0, tls = 0, redirecting = 0, alive = 0] = await freePorts(4);
  const file = join(folder, 'haproxy.cfg');
  const servers = ports.map((port, i) => `  server ${NAMES[i]} 127.0.0.1:${port} check cookie ${NAMES[i]}\n`);
  const named = `  http-response set-header ${SERVED_BY} %s\n`;
  const changes: readonly (readonly [from: string | RegExp, to: string])[] = [
    ['bind :80\n', `bind 127.0.0.1:${redirecting}\n`],
    ['bind 127.0.0.1:8405', `bind 127.0.0.1:${alive}`],
    ['bind :443 ssl crt /tls/fleet.pem', `bind 127.0.0.1:${plain}\n  bind ${host}:${tls} ssl crt ${certificate}`],
    ['X-Forwarded-Proto https', 'X-Forwarded-Proto %[ssl_fc,iif(https,http)]'],
    [/(?: {2}server \S+ \S+ check cookie \S+\n)+/, servers.join('') + named],
    ...(isSticky ? [] : STICKY),
  ];
  writeFileSync(
    file,
    changes.reduce((text, [from, to]) => replaced(text, from, to), SHIPPED),
  );
  const running = startProcess('/usr/sbin/haproxy', ['-db', '-f', file], { DOMAIN: 'fleet.test' });
  const url = `http://127.0.0.1:${plain}`;
  const answers = () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok || undefined,
      () => undefined,
    );
  await Promise.race([
    until(answers),
    running.exited.then(() => Promise.reject(new Error(`HAProxy ended: ${running.output()}`))),
  ]);
  return {
    url,
    address: `${host}:${tls}`,
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
