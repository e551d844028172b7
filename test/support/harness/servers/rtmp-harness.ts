import { connect, type Socket } from 'node:net';
import { createLogger } from '../../../../agent/base/log.ts';
import { PreLoginMemory } from '../../../../agent/base/network/pre-login-memory.ts';
import type { Config } from '../../../../agent/config/load/load.ts';
import { type InternalUser, MEDIAMTX_USERS } from '../../../../agent/config/schema/common/general.ts';
import { rtmpServer } from '../../../../agent/servers/rtmp/protocol.ts';
import type { RtmpConnItem } from '../../../../agent/servers/rtmp/session-kinds.ts';
import { parseRtmpUrl } from '../../../../agent/transports/rtmp/address.ts';
import { RtmpClient } from '../../../../agent/transports/rtmp/client.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import { TestPaths } from './rtsp-harness.ts';
import { serverDeps } from './server-deps.ts';

const OPTIONS = {
  ...{ rtmp: true, rtmpAddress: '127.0.0.1:0', rtmpsAddress: '127.0.0.1:0', rtmpEncryption: 'no' },
  ...{
    rtmpServerKey: '',
    rtmpServerCert: '',
    rtmpTrustedProxies: [],
    readTimeoutMs: 10_000,
    writeTimeoutMs: 10_000,
    writeQueueSize: 512,
  },
};

/** A server on loopback with the real access rules, over the test's paths. */
export class RtmpHarness implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly paths = new TestPaths();
  /** The log as lines of JSON. */
  readonly log: string[] = [];
  /** Memory of clients without a login. */
  readonly preLogin = new PreLoginMemory(this.clock, { warn: () => {} });
  readonly #stop = new AbortController();
  readonly #clients: RtmpClient[] = [];
  readonly #sockets: Socket[] = [];
  #running: Awaited<ReturnType<typeof rtmpServer.start>> | undefined;

  static async open(users: readonly InternalUser[] = MEDIAMTX_USERS, options: object = {}): Promise<RtmpHarness> {
    const box = new RtmpHarness();
    await box.#start(users, { ...OPTIONS, ...options });
    return box;
  }

  get port(): number {
    return this.#running?.ports.rtmp ?? 0;
  }

  get items(): readonly RtmpConnItem[] {
    const tables = rtmpServer.kinds.flatMap((kind) => this.#running?.table(kind)?.list() ?? []);
    return tables as unknown as readonly RtmpConnItem[];
  }

  kick(id: string): boolean {
    return rtmpServer.kinds.some((kind) => this.#running?.table(kind)?.kick?.(id) === true);
  }

  /** @param stream with application and query: `live/cam?user=a` */
  client(stream: string): RtmpClient {
    const address = parseRtmpUrl(`rtmp://127.0.0.1:${this.port}/${stream}`, 'test');
    const peer = { noun: 'camera', path: 'out' } as const;
    const client = new RtmpClient({ address, peer, fingerprint: '', timeoutMs: 5_000 }, this.clock);
    this.#clients.push(client);
    return client;
  }

  socket(): Socket {
    const socket = connect(this.port, '127.0.0.1');
    socket.on('error', () => {});
    this.#sockets.push(socket);
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const client of this.#clients) {
      client.close();
    }
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await this.#running?.stop('end');
  }

  async #start(users: readonly InternalUser[], options: object): Promise<void> {
    const log = createLogger('debug', (line) => this.log.push(line));
    const config = options as Config;
    const known = rtmpServer.options(config);
    if (!known) {
      throw new Error('the server is off');
    }
    const { clock, paths, preLogin } = this;
    const deps = serverDeps({ users, paths, clock, preLogin, log, signal: this.#stop.signal, config });
    this.#running = await rtmpServer.start(known, deps);
  }
}
