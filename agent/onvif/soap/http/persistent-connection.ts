import { ConnectionPool } from '../../../http-client/connection-pool.ts';
import type { HttpOrigin } from './origin.ts';

/** Small cameras serve few connections, so an idle one is closed. */
const IDLE_MS = 1_000;

/** A connection for consecutive requests (RFC 9112 §9.3), so the device that answered one gets the next. Closes when idle. */
export class PersistentConnection {
  /** Never repeats a request: a new connection may lead to another device. */
  readonly #pool = new ConnectionPool({ maxSockets: 1, idleMs: IDLE_MS, mayRepeat: false });
  readonly #origin: HttpOrigin;

  constructor(origin: HttpOrigin) {
    this.#origin = origin;
  }

  /** Undefined if the request goes elsewhere: a camera may redirect to https or to another port. */
  poolFor({ isSecure, host, port }: HttpOrigin): ConnectionPool | undefined {
    const own = this.#origin;
    return own.isSecure === isSecure && own.host === host && own.port === port ? this.#pool : undefined;
  }

  /** Open and idle: a request made at once uses it. */
  get isFree(): boolean {
    return this.#pool.hasIdle;
  }
}

/** Keeps requests for one camera away from another camera that took its address. */
export interface CameraGuard {
  /**
   * Sends one request, on the connection that identified the camera if that is still open.
   * @param isRead the request changes nothing, so it may be repeated on a new connection after a reset
   * @throws PerchError otherCamera, or as `send`
   */
  call<T>(
    origin: HttpOrigin,
    isRead: boolean,
    send: (connection: PersistentConnection | undefined) => Promise<T>,
  ): Promise<T>;
  /** Call before the first request. @throws PerchError as `call` */
  ready(): Promise<void>;
  /** Call when a login is rejected: identifies the camera again. */
  recheck(): void;
}
