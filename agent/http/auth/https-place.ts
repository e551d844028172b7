import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { isByTls } from './request-origin.ts';

/** Where a page that was opened over plain http can go. */
export interface HttpsPlace {
  readonly port: number;
  /** What answers there has to give the same: another program may have the port, behind a router for example. */
  readonly box: string;
}

/** Tells pages of the plain main port where the same page is over https. */
export class HttpsPlaces {
  /** Of this run. */
  readonly box = randomUUID();
  readonly #port: () => number | undefined;

  /** @param port of https; undefined while it is off */
  constructor(port: () => number | undefined) {
    this.#port = port;
  }

  /**
   * Nothing behind a proxy, and where the client came to another port than this one: there it is not known how https is reached.
   * @param isProxied a proxy has passed the request on
   */
  of({ headers, raw }: FastifyRequest, isProxied: boolean): HttpsPlace | null {
    const port = this.#port();
    const named = /:(\d+)$/.exec(headers.host ?? '')?.[1] ?? '80';
    const isDirect = !isProxied && Number(named) === raw.socket.localPort;
    return port === undefined || isByTls(raw) || !isDirect ? null : { port, box: this.box };
  }
}
