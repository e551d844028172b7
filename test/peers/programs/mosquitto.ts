import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/base/free-port.ts';
import { type RunningProcess, runProcess, startProcess } from './process.ts';

const TLS = join(import.meta.dirname, '../../fixtures/tls');
export const BROKER_LOGIN = { mqttUser: 'perch', mqttPassword: 'a wren in the hedge' } as const;
/** SHA-256 fingerprint of the broker's certificate, in lower-case hex. */
export const BROKER_FINGERPRINT = new X509Certificate(readFileSync(`${TLS}/server.crt`)).fingerprint256
  .replaceAll(':', '')
  .toLowerCase();

export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly isRetained: boolean;
  /** Monotonic milliseconds. */
  readonly atMs: number;
}

/** Debian's `mosquitto_sub` with a session that outlives the connection: the broker keeps QoS 1 messages for it. */
export interface Subscriber extends AsyncDisposable {
  readonly messages: readonly Message[];
  /** Messages of one topic, as texts. */
  of(topic: string): readonly string[];
}

export interface Mosquitto extends AsyncDisposable {
  readonly url: string;
  /** With TLS. */
  readonly secureUrl: string;
  start(): Promise<void>;
  /** Ends it; sessions and retained messages are kept for `start`. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  subscribe(...topics: string[]): Promise<Subscriber>;
  publish(topic: string, payload: string, ...options: string[]): Promise<void>;
}

/** Debian's mosquitto, which knows one user. */
export async function startMosquitto(): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-mosquitto-'));
  chmodSync(folder, 0o755);
  const [port = 0, securePort = 0] = await freePorts(2);
  const { mqttUser, mqttPassword } = BROKER_LOGIN;
  await runProcess('mosquitto_passwd', ['-c', '-b', join(folder, 'passwords'), mqttUser, mqttPassword]);
  const file = join(folder, 'mosquitto.conf');
  writeFileSync(
    file,
    `user root
persistence true
persistence_location ${folder}/
log_type error
log_type notice
log_type information
log_type subscribe
allow_anonymous false
password_file ${folder}/passwords
listener ${port} 127.0.0.1
listener ${securePort} 127.0.0.1
certfile ${TLS}/server.crt
keyfile ${TLS}/server.key
`,
  );
  let broker: RunningProcess;
  let clients = 0;
  const login = ['-h', '127.0.0.1', '-p', String(port), '-u', mqttUser, '-P', mqttPassword];
  const start = async () => {
    broker = startProcess('/usr/sbin/mosquitto', ['-c', file]);
    await broker.waitFor(/ running/);
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => void (await broker.stop(signal));
  await start();
  return {
    url: `mqtt://127.0.0.1:${port}`,
    secureUrl: `mqtts://127.0.0.1:${securePort}`,
    start,
    stop,
    subscribe: async (...topics) => {
      clients += 1;
      const wanted = topics.flatMap((topic) => ['-t', topic]);
      // `%x`: the payload in hex.
      const args = [...login, '-q', '1', '-c', '-i', `watcher-${clients}`, '-F', '%r %t %x', ...wanted];
      const running = startProcess('mosquitto_sub', args);
      const messages: Message[] = [];
      let rest = '';
      const take = (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const [, retained, topic = '', hex = ''] = /^([01]) (\S+) ?([0-9a-fA-F]*)$/.exec(line) ?? [];
          if (retained !== undefined) {
            const payload = Buffer.from(hex, 'hex');
            messages.push({ topic, payload, isRetained: retained === '1', atMs: performance.now() });
          }
        }
      };
      running.child.stdout.on('data', (chunk: Buffer) => take(chunk.toString()));
      const name = `watcher-${clients}`;
      await broker.waitFor(new RegExp(`${name} 1 ${topics.at(-1)}`));
      return {
        messages,
        of: (topic) => messages.filter((one) => one.topic === topic).map(({ payload }) => payload.toString()),
        async [Symbol.asyncDispose]() {
          await running.stop('SIGKILL');
        },
      };
    },
    publish: async (topic, payload, ...options) => {
      const { code, output } = await runProcess('mosquitto_pub', [
        ...login,
        '-q',
        '1',
        '-t',
        topic,
        ...(payload === '' ? ['-n'] : ['-m', payload]),
        ...options,
      ]);
      if (code !== 0) {
        throw new Error(output);
      }
    },
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
