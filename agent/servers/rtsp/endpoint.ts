import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ConnectionHooks } from '../../protocols/contract.ts';
import { RtspConnection } from './connection.ts';
import { Listener, type ListenerOptions } from './listener.ts';
import type { Listed, RtspConnItem, RtspSessionItem } from './session/api-items.ts';
import type { SharedServer } from './session/request-handler.ts';
import { ChannelAcceptor } from './tunnel/accept-channel.ts';

/** One port, plain or with TLS. */
export class RtspEndpoint {
  readonly conns: Listed<RtspConnItem>;
  readonly sessions: Listed<RtspSessionItem>;
  readonly #server: SharedServer;
  readonly #timeouts: { readonly readMs: number; readonly writeMs: number };
  readonly #listener: Listener;
  readonly #acceptor: ChannelAcceptor;
  /** By id, oldest first. */
  readonly #connections = new Map<string, RtspConnection>();

  constructor(
    listener: ListenerOptions,
    server: SharedServer,
    timeouts: { readonly readMs: number; readonly writeMs: number },
    clock: Clock,
    log: Logger,
    connections?: ConnectionHooks,
  ) {
    this.#server = server;
    this.#timeouts = timeouts;
    const endpointLog = log.child({ server: listener.tls ? 'rtsps' : 'rtsp' });
    this.#acceptor = new ChannelAcceptor(
      { timeoutMs: timeouts.readMs },
      (channel, tunnel) => {
        let gone: (() => void) | undefined;
        const connection = new RtspConnection(channel, tunnel, server, endpointLog, ({ id }) => {
          this.#connections.delete(id);
          gone?.();
          gone = undefined;
        });
        this.#connections.set(connection.id, connection);
        gone = connections?.opened(server.kinds.connection, connection.id);
      },
      clock,
      endpointLog,
    );
    this.#listener = new Listener(listener, (socket) => this.#acceptor.accept(socket), clock, endpointLog);
    this.sessions = server.sessions;
    this.conns = {
      list: () => [...this.#connections.values()].map((connection) => connection.describe()),
      find: (id) => this.#connections.get(id)?.describe(),
      kick: (id) => {
        const connection = this.#connections.get(id);
        connection?.close('ended through the API');
        return connection !== undefined;
      },
    };
  }

  /** 0 while closed. */
  get port(): number {
    return this.#listener.port;
  }

  listen(): Promise<void> {
    return this.#listener.listen();
  }

  tick(nowMs: number): void {
    this.#server.sessions.tick(nowMs);
    for (const connection of this.#connections.values()) {
      connection.tick(nowMs, this.#timeouts.readMs, this.#timeouts.writeMs);
    }
  }

  /** Closes sessions first, while publishers and readers can still be notified. */
  async close(reason: string): Promise<void> {
    this.#acceptor.close();
    this.#server.sessions.close(reason);
    for (const connection of [...this.#connections.values()]) {
      connection.close(reason);
    }
    await this.#listener.close();
  }
}
