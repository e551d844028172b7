import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

/** Small cameras serve few connections: one on which nothing is said is given back. */
const IDLE_MS = 1_000;

/** A connection for several requests, one after the other: whoever has answered the one gets the next. Ends by itself. */
export class KeptConnection {
  readonly agent: HttpAgent;

  constructor(isSecure: boolean) {
    const options = { keepAlive: true, maxSockets: 1, timeout: IDLE_MS };
    this.agent = isSecure ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /** It is open, and nothing is under way on it: the next request goes on it if it is made at once. */
  get isFree(): boolean {
    const open = Object.values(this.agent.freeSockets).flatMap((sockets) => sockets ?? []);
    return open.some(({ destroyed, writable }) => !destroyed && writable);
  }
}
