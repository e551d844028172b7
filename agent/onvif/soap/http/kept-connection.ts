import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

/** Small cameras serve few connections: one on which nothing is said is given back. */
const IDLE_MS = 1_000;

interface Place {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
}

/** A connection for several requests, one after the other: whoever has answered the one gets the next. Ends by itself. */
export class KeptConnection {
  readonly #agent: HttpAgent;
  readonly #place: Place;

  constructor(place: Place) {
    const options = { keepAlive: true, maxSockets: 1, timeout: IDLE_MS };
    this.#agent = place.isSecure ? new HttpsAgent(options) : new HttpAgent(options);
    this.#place = place;
  }

  /** Undefined: it leads elsewhere. A camera may send us on to https, or to another port. */
  agentFor({ isSecure, host, port }: Place): HttpAgent | undefined {
    const own = this.#place;
    return own.isSecure === isSecure && own.host === host && own.port === port ? this.#agent : undefined;
  }

  /** It is open, and nothing is under way on it: the next request goes on it if it is made at once. */
  get isFree(): boolean {
    const open = Object.values(this.#agent.freeSockets).flatMap((sockets) => sockets ?? []);
    return open.some(({ destroyed, writable }) => !destroyed && writable);
  }
}
