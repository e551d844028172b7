import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { HttpOrigin } from './origin.ts';

/** Small cameras serve few connections, so an idle one is closed. */
const IDLE_MS = 1_000;

/** A connection for consecutive requests (RFC 9112 §9.3), so the device that answered one gets the next. Closes when idle. */
export class PersistentConnection {
  readonly #agent: HttpAgent;
  readonly #origin: HttpOrigin;

  constructor(origin: HttpOrigin) {
    const options = { keepAlive: true, maxSockets: 1, timeout: IDLE_MS };
    this.#agent = origin.isSecure ? new HttpsAgent(options) : new HttpAgent(options);
    this.#origin = origin;
  }

  /** Undefined if the request goes elsewhere: a camera may redirect to https or to another port. */
  agentFor({ isSecure, host, port }: HttpOrigin): HttpAgent | undefined {
    const own = this.#origin;
    return own.isSecure === isSecure && own.host === host && own.port === port ? this.#agent : undefined;
  }

  /** Open and idle: a request made at once uses it. */
  get isFree(): boolean {
    const open = Object.values(this.#agent.freeSockets).flatMap((sockets) => sockets ?? []);
    return open.some(({ destroyed, writable }) => !destroyed && writable);
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
