import type { Clock } from '../../../base/clock.ts';
import { ConnectionPool } from '../../../http-client/connection-pool.ts';
import {
  type Answered,
  converse,
  type HttpRequest,
  type HttpServer,
  open,
  requestOnce,
} from '../../../http-client/request.ts';
import { isNoReply } from './failures.ts';
import type { HttpOrigin } from './origin.ts';

/** Small cameras serve few connections, so an idle one is closed. */
const IDLE_MS = 1_000;
/** Some boards serve one connection at a time: to find that out takes two seconds. */
const SINGLE_HOLDS_MS = 5 * 60_000;
/** For such a board to see that a connection is closed. */
const FREED_MS = 200;

/** What a request to a camera is sent on. */
export interface CameraConnection {
  /** @throws as `requestOnce` */
  request(server: HttpServer, asked: HttpRequest): Promise<Answered>;
}

/** A connection for consecutive requests (RFC 9112 §9.3), so the device that answered one gets the next. Closes when idle. */
export class PersistentConnection implements CameraConnection {
  /** Never repeats a request: a new connection may lead to another device. */
  readonly #pool = new ConnectionPool({ maxSockets: 1, idleMs: IDLE_MS, mayRepeat: false });
  readonly #origin: HttpOrigin;

  constructor(origin: HttpOrigin) {
    this.#origin = origin;
  }

  /** On a connection of its own if it goes elsewhere: a camera may redirect to https or to another port. */
  request(server: HttpServer, asked: HttpRequest): Promise<Answered> {
    const { isSecure, host, port } = this.#origin;
    const isOwn = isSecure === (server.tls !== undefined) && host === server.host && port === server.port;
    return isOwn ? this.#pool.request(server, asked) : requestOnce(server, asked);
  }

  /** Open and idle: a request made at once uses it. */
  get isFree(): boolean {
    return this.#pool.hasIdle;
  }
}

/** Each request has a connection that is opened before the camera is identified: one that takes the address later is not at its end. */
export class IdentifiedConnection implements CameraConnection {
  readonly #clock: Clock;
  readonly #identify: (signal: AbortSignal) => Promise<void>;
  #singleUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, identify: (signal: AbortSignal) => Promise<void>) {
    this.#clock = clock;
    this.#identify = identify;
  }

  async request(server: HttpServer, asked: HttpRequest): Promise<Answered> {
    const { signal } = asked;
    const isSingle = this.#clock.monoMs() < this.#singleUntilMs;
    const socket = isSingle ? undefined : (await open(server, signal)).resume();
    try {
      await this.#identify(signal);
      if (socket?.writable) {
        return await converse(socket, server, asked, true);
      }
    } catch (error) {
      if (!socket || !isNoReply(error)) {
        throw error;
      }
    } finally {
      socket?.destroy();
    }
    if (socket) {
      await this.#clock.sleep(FREED_MS, signal);
      await this.#identify(signal);
      this.#singleUntilMs = this.#clock.monoMs() + SINGLE_HOLDS_MS;
    }
    return requestOnce(server, asked);
  }
}

/** Keeps requests for one camera away from another camera that took its address. */
export interface CameraGuard {
  /**
   * Sends one request, on a connection that ends at the identified camera.
   * @param isRead the request changes nothing, so it may be repeated on a new connection after a reset
   * @throws PerchError otherCamera, or as `send`
   */
  call<T>(
    origin: HttpOrigin,
    isRead: boolean,
    send: (connection: CameraConnection | undefined) => Promise<T>,
  ): Promise<T>;
  /** Call before the first request. @throws PerchError as `call` */
  ready(): Promise<void>;
  /** Call when a login is rejected: identifies the camera again. */
  recheck(): void;
}
