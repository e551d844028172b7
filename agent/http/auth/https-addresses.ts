import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { isByTls } from './request-origin.ts';

/** The https address for a page opened over plain http. */
interface HttpsPlace {
  readonly port: number;
  /** Id that the reply at the https port must have, because behind a router another program may have the port. */
  readonly box: string;
}

/** Tells pages of the plain main port their https address. */
export class HttpsAddresses {
  /** Random for each run. */
  readonly box = randomUUID();
  readonly #port: () => number | undefined;

  /** @param port of https; undefined while off */
  constructor(port: () => number | undefined) {
    this.#port = port;
  }

  /**
   * Undefined behind a proxy, or if the client used another port: then the https address is unknown.
   * @param isProxied the request came through a proxy
   */
  of({ headers, raw }: FastifyRequest, isProxied: boolean): HttpsPlace | null {
    const port = this.#port();
    const named = /:(\d+)$/.exec(headers.host ?? '')?.[1] ?? '80';
    const isDirect = !isProxied && Number(named) === raw.socket.localPort;
    return port === undefined || isByTls(raw) || !isDirect ? null : { port, box: this.box };
  }
}
