import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ByteChannel } from '../../base/network/socket-channel.ts';
import type { ConnectionHooks, SessionAccess } from '../../protocols/contract.ts';
import { Listener, type ListenerOptions } from '../../transports/tcp/listener.ts';
import { RtspConnection } from './connection.ts';
import type { SharedServer } from './session/request-handler.ts';
import type { SessionTable } from './session/session-table.ts';
import { ChannelAcceptor, type TunnelKind } from './tunnel/accept-channel.ts';

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
  readonly #open: (channel: ByteChannel, tunnel: TunnelKind, access?: SessionAccess) => void;

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
    this.#open = (channel, tunnel, access = server.access) => {
      let gone: (() => void) | undefined;
      const connection = new RtspConnection(channel, tunnel, { ...server, access }, endpointLog, ({ id }) => {
        this.#connections.delete(id);
        gone?.();
        gone = undefined;
      });
      this.#connections.set(connection.id, connection);
      gone = connections?.opened(server.kinds.connection, connection.id);
    };
    const accepted = (channel: ByteChannel, tunnel: TunnelKind) => this.#open(channel, tunnel);
    this.#acceptor = new ChannelAcceptor({ timeoutMs: timeouts.readMs }, accepted, clock, endpointLog);
    this.#listener = new Listener(listener, (channel) => this.#acceptor.accept(channel), clock, endpointLog);
    this.sessions = server.sessions;
  }

  get port(): number {
    return this.#listener.port;
  }

  /**
   * Serves a connection of another port, such as a paired server's WebSocket. Sets its sink before it returns.
   * @param access used instead of this port's logins
   */
  adopt(channel: ByteChannel, access: SessionAccess): void {
    this.#open(channel, 'websocket', access);
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
