import type { Socket } from 'node:net';
import { isBlank } from './reply-reader.ts';
import { type Answered, converse, type HttpRequest, type HttpServer, open } from './request.ts';

interface PoolOptions {
  /** Connections to one server; further requests wait. */
  readonly maxSockets: number;
  /** An idle connection is closed then. */
  readonly idleMs: number;
  /**
   * A GET on a kept connection that breaks before a reply is sent again on a new one: the server may have closed it meanwhile
   * (RFC 9110 §9.2.2).
   */
  readonly mayRepeat: boolean;
}

interface IdleSocket {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
  readonly leave: () => void;
}

/** Connections of one server. */
interface Lane {
  readonly key: string;
  /** Requests under way. */
  underWay: number;
  readonly idle: IdleSocket[];
  /** Each takes over the place of a request that has ended. */
  readonly waiting: (() => void)[];
}

/** Keeps connections for further requests (RFC 9112 §9.3). */
export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #lanes = new Map<string, Lane>();
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Whether a connection is open and idle: a request made at once uses it. */
  get hasIdle(): boolean {
    return [...this.#lanes.values()].some(({ idle }) => idle.some(({ socket }) => socket.writable));
  }

  /** @throws as `open` and `converse` */
  async request(server: HttpServer, asked: HttpRequest): Promise<Answered> {
    const lane = this.#laneOf(server);
    await this.#turn(lane, asked.signal);
    try {
      const kept = takeIdle(lane);
      const answered = kept && (await this.#tryKept(kept, lane, server, asked));
      return answered ?? (await this.#requestOn(await open(server, asked.signal), lane, server, asked));
    } finally {
      this.#release(lane);
    }
  }

  /** Closes idle connections; those in use end with their replies. */
  close(): void {
    this.#isClosed = true;
    for (const { socket } of [...this.#lanes.values()].flatMap(({ idle }) => idle)) {
      socket.destroy();
    }
  }

  /** @returns undefined if the request may be repeated on a new connection */
  async #tryKept(kept: Socket, lane: Lane, server: HttpServer, asked: HttpRequest): Promise<Answered | undefined> {
    let hasReply = false;
    const onStatus = (status: number): void => {
      hasReply = true;
      asked.onStatus?.(status);
    };
    try {
      return await this.#requestOn(kept, lane, server, { ...asked, onStatus });
    } catch (cause) {
      const isBroken = ['ECUT', 'ECONNRESET', 'EPIPE'].includes((cause as NodeJS.ErrnoException).code ?? '');
      if (this.#options.mayRepeat && asked.method === 'GET' && isBroken && !hasReply) {
        return undefined;
      }
      throw cause;
    }
  }

  async #requestOn(socket: Socket, lane: Lane, server: HttpServer, asked: HttpRequest): Promise<Answered> {
    const answered = await converse(socket, server, asked, false);
    if (answered.isReusable && !this.#isClosed) {
      this.#keep(lane, socket);
    } else {
      socket.destroy();
    }
    return answered;
  }

  #laneOf({ host, port, tls }: HttpServer): Lane {
    const key = `${tls !== undefined} ${host} ${port}`;
    const lane = this.#lanes.get(key) ?? { key, underWay: 0, idle: [], waiting: [] };
    this.#lanes.set(key, lane);
    return lane;
  }

  async #turn(lane: Lane, signal: AbortSignal): Promise<void> {
    if (lane.underWay < this.#options.maxSockets) {
      lane.underWay += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const enter = (): void => {
      signal.removeEventListener('abort', leave);
      resolve();
    };
    const leave = (): void => {
      lane.waiting.splice(lane.waiting.indexOf(enter), 1);
      reject(signal.reason);
    };
    lane.waiting.push(enter);
    signal.addEventListener('abort', leave, { once: true });
    await promise;
  }

  #release(lane: Lane): void {
    const next = lane.waiting.shift();
    if (next) {
      next();
      return;
    }
    lane.underWay -= 1;
    this.#forget(lane);
  }

  #keep(lane: Lane, socket: Socket): void {
    // What a server sends without a request belongs to none.
    const drop = (): unknown => socket.destroy();
    const onData = (bytes: Uint8Array): unknown => isBlank(bytes) || drop();
    const leave = (): void => {
      clearTimeout(idle.timer);
      lane.idle.splice(lane.idle.indexOf(idle), 1);
      socket.off('close', leave).off('data', onData).off('end', drop);
      this.#forget(lane);
    };
    const idle = { socket, leave, timer: setTimeout(drop, this.#options.idleMs).unref() };
    socket.on('close', leave).on('data', onData).on('end', drop);
    socket.unref();
    lane.idle.push(idle);
  }

  #forget(lane: Lane): void {
    if (lane.underWay === 0 && lane.idle.length === 0 && this.#lanes.get(lane.key) === lane) {
      this.#lanes.delete(lane.key);
    }
  }
}

/** The connection that was used last. */
function takeIdle(lane: Lane): Socket | undefined {
  const idle = lane.idle.findLast(({ socket }) => socket.writable);
  idle?.leave();
  idle?.socket.ref();
  return idle?.socket;
}
