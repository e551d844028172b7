import { pick } from '../../base/pick.ts';
import type { EndCause } from '../../base/reconciler.ts';
import { SocketChannel } from '../../base/socket-channel.ts';
import { absoluteKeyFiles, type KeyFiles, keyFilesOf } from '../../config/file/key-pair.ts';
import type { Config } from '../../config/load/load.ts';
import { RTMP } from '../../config/schema/rtmp.ts';
import { portOf } from '../../config/values/address.ts';
import type { RunningServer, ServerDeps, ServerProtocol, SessionKind, SessionTable } from '../../protocols/contract.ts';
import { Listener } from '../../transports/tcp/listener.ts';
import { RtmpConnection } from './connection.ts';
import { mountFlv } from './flv-routes.ts';
import { FlvServer } from './flv-server.ts';
import { PLAIN, SECURE } from './session-kinds.ts';

const OPTION_KEYS = [
  'rtmpAddress',
  'rtmpsAddress',
  'rtmpEncryption',
  'rtmpServerKey',
  'rtmpServerCert',
  'readTimeoutMs',
  'writeTimeoutMs',
  'writeQueueSize',
] as const satisfies readonly (keyof Config)[];
type Options = Pick<Config, (typeof OPTION_KEYS)[number]>;

/** The reason that connections log. */
const END_WORDS: Record<EndCause, string> = {
  changed: 'the RTMP server starts again with its changed configuration',
  off: 'the RTMP server was switched off',
  end: 'Perch is ending',
};

interface RunningRtmp extends RunningServer {
  /** 0: closed. */
  readonly ports: { readonly rtmp: number; readonly rtmps: number };
  readonly flv: FlvServer;
}

export const rtmpServer: ServerProtocol<Options, RunningRtmp> = {
  name: 'rtmp',
  publishing: {
    key: 'rtmp',
    urls: ({ rtmpEncryption, rtmpAddress, rtmpsAddress }) => [
      ...(rtmpEncryption === 'strict' ? [] : [`rtmp://HOST:${portOf(rtmpAddress)}/PATH?user=USER&pass=PASSWORD`]),
      ...(rtmpEncryption === 'no' ? [] : [`rtmps://HOST:${portOf(rtmpsAddress)}/PATH?user=USER&pass=PASSWORD`]),
    ],
  },
  label: 'RTMP server',
  keys: RTMP,
  kinds: [PLAIN, SECURE],
  options: (config) => (config.rtmp ? pick(config, OPTION_KEYS) : undefined),
  start: startServer,
  routes: { openingMethod: 'GET', mount: (app, _prefix, deps) => mountFlv(app, deps) },
};

async function startServer(options: Options, deps: ServerDeps): Promise<RunningRtmp> {
  const { rtmpEncryption: encryption, rtmpAddress, rtmpsAddress } = options;
  const ends: RtmpEndpoint[] = [];
  if (encryption !== 'strict') {
    ends.push(new RtmpEndpoint(PLAIN, { key: 'rtmpAddress', address: rtmpAddress }, options, deps));
  }
  if (encryption !== 'no') {
    const listener = { key: 'rtmpsAddress', address: rtmpsAddress, tls: await keysOf(options, deps) };
    ends.push(new RtmpEndpoint(SECURE, listener, options, deps));
  }
  const close = (reason: string) => Promise.all(ends.map((end) => end.close(reason)));
  try {
    for (const end of ends) {
      await end.listen();
    }
  } catch (error) {
    await close('a port could not be opened');
    throw error;
  }
  const stopTicking = deps.clock.eachSecond(() => {
    const nowMs = deps.clock.monoMs();
    for (const end of ends) {
      end.tick(nowMs);
    }
  });
  const flv = new FlvServer(PLAIN, options.writeQueueSize, deps.paths, deps.clock, deps.log);
  const portOf = (kind: SessionKind) => ends.find((end) => end.kind === kind)?.port ?? 0;
  const ports = { rtmp: portOf(PLAIN), rtmps: portOf(SECURE) };
  deps.log.info(ports, 'RTMP server is open');
  return {
    ports,
    flv,
    table: (kind) => {
      const table = ends.find((end) => end.kind === kind)?.table;
      return kind === PLAIN ? withViewers(table, flv) : table;
    },
    drain: () => flv.close(),
    stop: async (cause) => {
      stopTicking();
      flv.close();
      await close(END_WORDS[cause]);
    },
  };
}

class RtmpEndpoint {
  readonly kind: SessionKind;
  readonly #listener: Listener;
  readonly #connections = new Map<string, RtmpConnection>();
  readonly table: SessionTable = {
    list: () => [...this.#connections.values()].map((connection) => connection.describe()),
    kick: (id) => {
      const connection = this.#connections.get(id);
      connection?.close('ended through the API');
      return connection !== undefined;
    },
  };

  constructor(
    kind: SessionKind,
    listener: { readonly key: string; readonly address: string; readonly tls?: KeyFiles },
    options: Options,
    { paths, access, connections, newcomers, clock, log: serverLog }: ServerDeps,
  ) {
    this.kind = kind;
    const log = serverLog.child({ server: kind.protocol });
    const { readTimeoutMs, writeTimeoutMs, writeQueueSize } = options;
    const shared = { kind, readTimeoutMs, writeTimeoutMs, writeQueueSize, paths, access, newcomers, clock };
    this.#listener = new Listener(
      { protocol: 'RTMP', ...listener },
      (socket) => {
        socket.setNoDelay(true);
        let gone: (() => void) | undefined;
        const connection = new RtmpConnection(new SocketChannel(socket), shared, log, ({ id }) => {
          this.#connections.delete(id);
          gone?.();
          gone = undefined;
        });
        this.#connections.set(connection.id, connection);
        gone = connections.opened(kind, connection.id);
      },
      clock,
      log,
    );
  }

  get port(): number {
    return this.#listener.port;
  }

  listen(): Promise<void> {
    return this.#listener.listen();
  }

  tick(nowMs: number): void {
    for (const connection of this.#connections.values()) {
      connection.tick(nowMs);
    }
  }

  async close(reason: string): Promise<void> {
    for (const connection of [...this.#connections.values()]) {
      connection.close(reason);
    }
    await this.#listener.close();
  }
}

/** Viewers of FLV over HTTP are listed with the connections of RTMP, also where only RTMPS is open. */
const withViewers = (table: SessionTable | undefined, flv: FlvServer): SessionTable => ({
  list: () => [...(table?.list() ?? []), ...flv.list()],
  kick: (id) => table?.kick?.(id) === true || flv.kick(id),
});

/** Key and certificate as absolute names, or the device's own. */
async function keysOf(options: Options, deps: ServerDeps): Promise<KeyFiles> {
  const names = { key: options.rtmpServerKey, cert: options.rtmpServerCert };
  const { own } = await keyFilesOf('rtmp', names, deps);
  return { ...absoluteKeyFiles(names, deps.cwd), ...(own === undefined ? {} : { own }) };
}
