import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../peers/agent/agent.ts';
import { startProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';

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
}

/** HAProxy that sends each request to the next replica, whoever asks. */
export async function startBalancer({ host, certificate, ports }: Balanced): Promise<Balancer> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-balancer-'));
  const [plain, tls] = [await freePort(), await freePort()];
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  maxconn 1000
defaults
  mode http
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  option forwardfor
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response
frontend people
  bind 127.0.0.1:${plain}
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend perch
frontend boxes
  bind ${host}:${tls} ssl crt ${certificate} alpn h2,http/1.1
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend perch
backend perch
  balance roundrobin
  option httpchk GET /health
  timeout check 10s
  default-server check inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
  http-request disable-l7-retry unless METH_GET
  http-response set-header ${SERVED_BY} %s
${ports.map((port, i) => `  server ${i} 127.0.0.1:${port}`).join('\n')}
`,
  );
  const running = startProcess('/usr/sbin/haproxy', ['-db', '-f', file]);
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
