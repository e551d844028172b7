import type { Server, Socket } from 'node:net';
import { canonicalIp, subscriberOf } from '../../base/ip-address.ts';

/** Connections of one listener whose first requests are read at the same time. */
const MAX_CONCURRENT = 8;
const MAX_TURN_MS = 50;

/**
 * Node reads up to 64 KiB of each new connection before anyone sees its head. The queue reads a few connections at a time, so a
 * thousand that arrive at once wait in the kernel with their bytes. Addresses take turns: a flood from one delays only that one.
 */
export class AcceptQueue {
  readonly #serve: (socket: Socket) => void;
  readonly #maxTurnMs: number;
  /** By address, in the order of their turns. */
  readonly #waiting = new Map<string, Socket[]>();
  /** With the time when each was started. */
  readonly #active = new Map<Socket, number>();
  #timer: NodeJS.Timeout | undefined;

  /** Takes over the listener's connections. @param maxTurnMs a connection without an answer by then lets the next one start */
  constructor(server: Server, maxTurnMs = MAX_TURN_MS) {
    this.#maxTurnMs = maxTurnMs;
    const [accept] = server.listeners('connection') as ((socket: Socket) => void)[];
    if (!accept) {
      throw new TypeError('the listener has no protocol yet');
    }
    server.off('connection', accept);
    Object.assign(server, { pauseOnConnect: true });
    server.on('connection', (socket: Socket) => this.#add(socket));
    this.#serve = (socket) => {
      accept.call(server, socket);
      socket.resume();
    };
  }

  /** The connection's first request is answered, or its client is let in. */
  done(socket: Socket): void {
    if (this.#active.delete(socket) && this.#waiting.size > 0) {
      // Media and other connections come first.
      setImmediate(() => this.#next());
    }
  }

  #add(socket: Socket): void {
    const address = subscriberOf(canonicalIp(socket.remoteAddress ?? '') ?? '');
    const sockets = this.#waiting.get(address);
    if (sockets) {
      sockets.push(socket);
    } else {
      this.#waiting.set(address, [socket]);
    }
    socket.once('close', () => this.done(socket));
    this.#next();
  }

  #next(): void {
    for (const [address, sockets] of this.#waiting) {
      if (this.#active.size >= MAX_CONCURRENT) {
        this.#timer ??= setTimeout(() => this.#endLate(), this.#maxTurnMs).unref();
        return;
      }
      this.#waiting.delete(address);
      const socket = sockets.shift();
      if (sockets.length > 0) {
        this.#waiting.set(address, sockets);
      }
      if (socket && !socket.destroyed) {
        this.#active.set(socket, performance.now());
        this.#serve(socket);
      }
    }
  }

  #endLate(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const [socket, startedMs] of this.#active) {
      if (nowMs - startedMs >= this.#maxTurnMs) {
        this.#active.delete(socket);
      }
    }
    this.#next();
  }
}
