import type { HttpPlace } from './http/http-exchange.ts';
import type { KeptConnection } from './http/kept-connection.ts';

/** One operation of a camera. */
export interface SoapCall {
  /** The camera's own when not given. */
  readonly place?: HttpPlace;
  readonly path: string;
  /** XML, with the prefixes of envelope.ts. */
  readonly headers?: string;
  readonly body: string;
  /** Local name of the element that answers. */
  readonly response: string;
  /** Where it is not the operation's own name. */
  readonly action?: string | undefined;
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly connection?: KeptConnection | undefined;
  /** The next free place at the camera is its. */
  readonly isUrgent?: boolean | undefined;
  /** Without a login, even if there is one. */
  readonly isAnonymous?: boolean;
  /** Cameras answer it to anybody: that it is answered proves no login (ONVIF Core §5.12.1, PRE_AUTH). */
  readonly isOpen?: boolean;
}
