import type { Server, Socket } from 'node:net';
import { canonicalIp, subscriberOf } from '../../base/network/ip-address.ts';

/**
 * Node reads up to 64 KiB of each new connection before its head is parsed. The queue reads eight connections at a time, so a thousand at
 * once wait in the kernel with their bytes. Addresses take turns: a flood from one delays only that one.
 */
export class AcceptQueue {
  readonly #serve: (socket: Socket) => void;
  readonly #maxTurnMs: number;
  /** By address in turn order, oldest connection first. */
  readonly #waiting = new Map<string, Set<Socket>>();
  /** With their start times, oldest first. */
  readonly #active = new Map<Socket, number>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * Takes over the listener's connections.
   * @param onServed called when reading starts
   * @param maxTurnMs a connection without a request by then gives up its turn
   */
  constructor(server: Server, onServed: (socket: Socket) => void, maxTurnMs = 50) {
    this.#maxTurnMs = maxTurnMs;
    const [accept] = server.listeners('connection') as ((socket: Socket) => void)[];
    if (!accept) {
      throw new TypeError('the listener has no protocol yet');
    }
    server.off('connection', accept);
    Object.assign(server, { pauseOnConnect: true });
    server.on('connection', (socket: Socket) => this.#add(socket));
    this.#serve = (socket) => {
      onServed(socket);
      accept.call(server, socket);
      socket.resume();
    };
  }

  /** The first request has no body, is answered, or is authorized. */
  done(socket: Socket): void {
    if (this.#active.delete(socket) && this.#waiting.size > 0) {
      // Media and other connections go first.
      setImmediate(() => this.#next());
    }
  }

  #add(socket: Socket): void {
    if (socket.destroyed) {
      return;
    }
    const address = subscriberOf(canonicalIp(socket.remoteAddress ?? '') ?? '');
    const sockets = this.#waiting.get(address) ?? new Set();
    this.#waiting.set(address, sockets.add(socket));
    socket.once('close', () => {
      this.#leave(address, socket);
      this.done(socket);
    });
    this.#next();
  }

  #leave(address: string, socket: Socket): void {
    const sockets = this.#waiting.get(address);
    if (sockets?.delete(socket) && sockets.size === 0) {
      this.#waiting.delete(address);
    }
  }

  #next(): void {
    this.#endLate();
    for (const [address, sockets] of this.#waiting) {
      if (this.#active.size >= 8) {
        this.#wait();
        return;
      }
      const [socket] = sockets;
      this.#waiting.delete(address);
      if (socket && sockets.delete(socket)) {
        if (sockets.size > 0) {
          // Behind all other addresses.
          this.#waiting.set(address, sockets);
        }
        this.#active.set(socket, performance.now());
        this.#serve(socket);
      }
    }
  }

  #endLate(): void {
    const startedMs = performance.now() - this.#maxTurnMs;
    for (const [socket, sinceMs] of this.#active) {
      if (sinceMs > startedMs) {
        return;
      }
      this.#active.delete(socket);
    }
  }

  /** Waits until the oldest turn ends. */
  #wait(): void {
    const [sinceMs = 0] = this.#active.values();
    // Timers count whole milliseconds, and may fire one early.
    const restMs = Math.max(0, sinceMs + this.#maxTurnMs - performance.now()) + 1;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#next();
    }, restMs).unref();
  }
}
