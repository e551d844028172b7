import type { HttpPlace } from './http-exchange.ts';
import type { KeptConnection } from './kept-connection.ts';

/** Sees to it that what is meant for one camera does not reach another one at its address. */
export interface CameraGuard {
  /**
   * Lets one request go: on the connection on which the camera has just said who it is, where it keeps one.
   * @param isRead it changes nothing, and may be sent again where a connection has ended without a word
   * @throws PerchError otherCamera; or because nobody is there
   */
  call<T>(place: HttpPlace, isRead: boolean, send: (connection: KeptConnection | undefined) => Promise<T>): Promise<T>;
  /** Before the first call. @throws PerchError as `call` */
  ready(): Promise<void>;
  /** It has refused a login: who it is is asked anew. */
  doubt(): void;
}
