import type { HttpOrigin } from './origin.ts';
import type { PersistentConnection } from './persistent-connection.ts';

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
