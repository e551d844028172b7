import type { EndCause } from '../../base/reconciler.ts';
import { type KeyFiles, keyFilesOf } from '../../config/file/key-pair.ts';
import type { ServerDeps, SessionKind, SessionTable } from '../../protocols/contract.ts';
import { Listener } from '../../transports/tcp/listener.ts';
import { RtmpConnection } from './connection.ts';
import { FlvServer } from './flv-server.ts';
import type { RtmpOptions, RunningRtmp } from './options.ts';
import { PLAIN, SECURE } from './session-kinds.ts';

/** The reason that connections log. */
const END_WORDS: Record<EndCause, string> = {
  changed: 'the RTMP server starts again with its changed configuration',
  off: 'the RTMP server was switched off',
  end: 'Perch is ending',
};

export async function startRtmp(options: RtmpOptions, deps: ServerDeps): Promise<RunningRtmp> {
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
  const flv = new FlvServer(PLAIN, options.writeQueueSize, deps.paths, deps.clock, deps.log);
  const stopTicking = deps.clock.eachSecond(() => {
    const nowMs = deps.clock.monoMs();
    for (const end of [...ends, flv]) {
      end.tick(nowMs);
    }
  });
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
    options: RtmpOptions,
    { paths, access, connections, preLogin, clock, log: serverLog }: ServerDeps,
  ) {
    this.kind = kind;
    const log = serverLog.child({ server: kind.protocol });
    const { readTimeoutMs, writeTimeoutMs, writeQueueSize, rtmpTrustedProxies: trustedProxies } = options;
    const shared = { kind, readTimeoutMs, writeTimeoutMs, writeQueueSize, paths, access, preLogin, clock };
    this.#listener = new Listener(
      { protocol: 'RTMP', trustedProxies, ...listener },
      (channel) => {
        let gone: (() => void) | undefined;
        const connection = new RtmpConnection(channel, shared, log, ({ id }) => {
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

/** Key and certificate as absolute names, or the box's own. */
async function keysOf(options: RtmpOptions, deps: ServerDeps): Promise<KeyFiles> {
  const names = { key: options.rtmpServerKey, cert: options.rtmpServerCert };
  return keyFilesOf('rtmp', names, deps);
}
