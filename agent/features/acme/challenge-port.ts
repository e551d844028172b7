import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { listenTcp } from '../../base/network/listen-tcp.ts';
import { parseAddress } from '../../config/values/address.ts';
import { limitConnections } from '../../http/listener/connection-limit.ts';
import { CHALLENGE_PATH, type Challenges } from './order/challenges.ts';
import { acmeFailure } from './order/failure.ts';

const HTTPS_PORT = 443;
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?$/i;
/** A request has so long. */
const REQUEST_MS = 10_000;

interface ChallengePortOptions {
  readonly address: string;
  readonly challenges: Challenges;
  /** Port of the page over https; undefined: it is off. */
  httpsPort(): number | undefined;
  readonly log: Logger;
}

/** Port 80: the authority fetches its texts there, and browsers are redirected to https. */
export class ChallengePort {
  readonly #options: ChallengePortOptions;
  #server: Server | undefined;

  constructor(options: ChallengePortOptions) {
    this.#options = options;
  }

  /** Opens it unless it is open. @throws PerchError if another program has the port */
  async open(): Promise<void> {
    const { address, log } = this.#options;
    const where = parseAddress(address);
    if (this.#server?.listening || !where) {
      return;
    }
    const timeouts = { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAlive: false };
    const server = createServer({ ...timeouts, maxHeaderSize: 8 << 10 }, (request, response) =>
      this.#answer(request, response),
    );
    limitConnections(server, log);
    // Of a later failure of the listener; one connection has its own.
    server.on('error', (error) => log.warn({ cause: explain(error) }, 'the port for the authority failed'));
    server.on('clientError', (_, socket) => socket.destroy());
    try {
      await listenTcp(server, 'acmeAddress', address, where);
    } catch (error) {
      throw acmeFailure('port', explain(error));
    }
    this.#server = server;
    log.info({ address }, 'port for the authority is open');
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    }
  }

  #answer({ method, url = '', headers }: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Connection', 'close').setHeader('Cache-Control', 'no-store');
    const isRead = method === 'GET' || method === 'HEAD';
    if (isRead && url.startsWith(CHALLENGE_PATH)) {
      const text = this.#options.challenges.find(url.slice(CHALLENGE_PATH.length));
      const [status, body] = text === undefined ? [404, 'no such token\n'] : [200, text];
      response.writeHead(status, { 'Content-Type': 'application/octet-stream' }).end(body);
      return;
    }
    const port = this.#options.httpsPort();
    const [, host] = HOST.exec(headers.host ?? '') ?? [];
    if (!isRead || port === undefined || host === undefined || !url.startsWith('/')) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('this port redirects pages to https\n');
      return;
    }
    const Location = `https://${port === HTTPS_PORT ? host : `${host}:${port}`}${url}`;
    response.writeHead(307, { Location }).end();
  }
}
