import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { RtspConnection } from './connection.ts';
import { Listener, type ListenerOptions } from './listener.ts';
import type { Listed, RtspConnItem, RtspSessionItem } from './session/api-items.ts';
import type { ConnectionWatch } from './session/contracts.ts';
import type { Room } from './session/request-handler.ts';
import { ChannelAcceptor } from './tunnel/accept-channel.ts';

/** Everything behind one port: plain, or with TLS. */
export class Side {
  readonly conns: Listed<RtspConnItem>;
  readonly sessions: Listed<RtspSessionItem>;
  readonly #room: Room;
  readonly #timeouts: { readonly readMs: number; readonly writeMs: number };
  readonly #listener: Listener;
  readonly #acceptor: ChannelAcceptor;
  /** By id, oldest first. */
  readonly #connections = new Map<string, RtspConnection>();

  constructor(
    listener: ListenerOptions,
    room: Room,
    timeouts: { readonly readMs: number; readonly writeMs: number },
    clock: Clock,
    log: Logger,
    connections?: ConnectionWatch,
  ) {
    this.#room = room;
    this.#timeouts = timeouts;
    const side = log.child({ server: listener.tls ? 'rtsps' : 'rtsp' });
    this.#acceptor = new ChannelAcceptor(
      { timeoutMs: timeouts.readMs },
      (channel, tunnel) => {
        let gone: (() => void) | undefined;
        const connection = new RtspConnection(channel, tunnel, room, side, ({ id }) => {
          this.#connections.delete(id);
          gone?.();
          gone = undefined;
        });
        this.#connections.set(connection.id, connection);
        gone = connections?.opened(listener.tls ? 'rtspsConn' : 'rtspConn', connection.id);
      },
      clock,
      side,
    );
    this.#listener = new Listener(listener, (socket) => this.#acceptor.accept(socket), clock, side);
    this.sessions = room.sessions;
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

  /** TCP port in use; 0 while it does not listen. */
  get port(): number {
    return this.#listener.port;
  }

  listen(): Promise<void> {
    return this.#listener.listen();
  }

  tick(nowMs: number): void {
    this.#room.sessions.tick(nowMs);
    for (const connection of this.#connections.values()) {
      connection.tick(nowMs, this.#timeouts.readMs, this.#timeouts.writeMs);
    }
  }

  /** Sessions first, so that publishers' paths and readers' peers hear of it while there are connections. */
  async close(reason: string): Promise<void> {
    this.#acceptor.close();
    this.#room.sessions.close(reason);
    for (const connection of [...this.#connections.values()]) {
      connection.close(reason);
    }
    await this.#listener.close();
  }
}
