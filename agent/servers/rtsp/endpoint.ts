import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ConnectionHooks } from '../../protocols/contract.ts';
import { Listener, type ListenerOptions } from '../../transports/tcp/listener.ts';
import { RtspConnection } from './connection.ts';
import type { SharedServer } from './session/request-handler.ts';
import type { SessionTable } from './session/session-table.ts';
import { ChannelAcceptor } from './tunnel/accept-channel.ts';

export class RtspEndpoint {
  readonly conns = {
    list: () => [...this.#connections.values()].map((connection) => connection.describe()),
    kick: (id: string) => {
      const connection = this.#connections.get(id);
      connection?.close('ended through the API');
      return connection !== undefined;
    },
  };
  readonly sessions: SessionTable;
  readonly #server: SharedServer;
  readonly #timeouts: { readonly readMs: number; readonly writeMs: number };
  readonly #listener: Listener;
  readonly #acceptor: ChannelAcceptor;
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
    this.#listener = new Listener(listener, (channel) => this.#acceptor.accept(channel), clock, endpointLog);
    this.sessions = server.sessions;
  }

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
