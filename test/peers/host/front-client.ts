import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { type RequestOptions, request } from 'node:https';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { FrontServer } from './proxies.ts';

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Several pieces are sent in chunks. */
  readonly body?: string | readonly string[];
  /** The client's address; default: another than the proxies' own, and trusted. */
  readonly from?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface SharedConnection extends Disposable {
  /** @param url relative to Perch when it begins with one slash, or absolute */
  ask(url: string): Promise<Answered>;
}

export const CLIENT = '127.0.0.2';
const SWITCHING_PROTOCOLS = 101;
/** The name of a fragment's first box (ISO 14496-12 §8.8.4). */
const FRAGMENT = 'moof';

/** A client of one site behind a proxy, over TLS; all names of the site resolve to it. */
export class FrontClient {
  /** `https://home.example:4711/perch` */
  readonly base: string;
  readonly host: string;
  readonly folder: string;
  readonly #server: FrontServer;

  /** @param folder of Perch, without a slash at the end */
  constructor(server: FrontServer, host: string, folder: string) {
    this.#server = server;
    this.host = `${host}:${server.tlsPort}`;
    this.folder = folder;
    this.base = `https://${this.host}${folder}`;
  }

  /** @param url relative to Perch when it begins with one slash, or absolute */
  async open(url: string, asked: Asked = {}): Promise<IncomingMessage> {
    const sent = request(this.#options(url, asked));
    for (const piece of Array.isArray(asked.body) ? asked.body : []) {
      sent.write(piece);
    }
    sent.end(typeof asked.body === 'string' ? asked.body : undefined);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    // A server that responds before the whole body has arrived may close the connection.
    sent.on('error', () => {});
    return response;
  }

  async ask(url: string, asked?: Asked): Promise<Answered> {
    const response = await this.open(url, asked);
    return { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) };
  }

  async json<T>(url: string, asked?: Asked): Promise<T> {
    return JSON.parse((await this.ask(url, asked)).body.toString()) as T;
  }

  /** The first bytes of an endless response. */
  async firstOf(url: string, asked?: Asked): Promise<Buffer> {
    const response = await this.open(url, asked);
    const [first] = (await once(response, 'data')) as [Buffer];
    response.destroy();
    return first;
  }

  /** Requests a WebSocket. @returns 101 once a fragment begins to arrive, else the status of the rejection */
  async socket(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
    const key = { 'Sec-WebSocket-Key': Buffer.from('perched, but wet').toString('base64') };
    const sent = request(this.#options(url, { headers: { ...upgrade, ...key, ...headers } }));
    sent.end();
    return new Promise((resolve, reject) => {
      sent.once('error', reject);
      sent.once('response', (response: IncomingMessage) => {
        response.destroy();
        resolve(response.statusCode ?? 0);
      });
      sent.once('upgrade', (_response, socket: Socket, head: Buffer) => {
        let seen = head;
        const take = (more: Buffer) => {
          seen = Buffer.concat([seen, more]);
          if (seen.includes(FRAGMENT)) {
            socket.destroy();
            resolve(SWITCHING_PROTOCOLS);
          }
        };
        socket.on('data', take);
        socket.once('close', () => reject(new Error('closed before any media')));
        take(Buffer.alloc(0));
      });
    });
  }

  /** The same client over one HTTP/2 connection, like a browser: only GET. */
  async shared(headers: Readonly<Record<string, string>>): Promise<SharedConnection> {
    const { certificate, tlsPort } = this.#server;
    const servername = this.host.replace(/:\d+$/, '');
    const options = { ca: certificate, servername, localAddress: CLIENT };
    const session = connect(`https://127.0.0.1:${tlsPort}`, options);
    await once(session, 'connect');
    return {
      ask: async (url) => {
        const { pathname, search } = new URL(url.startsWith('/') ? this.base + url : url);
        const own = { ':path': pathname + search, ':authority': this.host };
        const stream = session.request({ ...own, ...headers });
        const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders & IncomingHttpStatusHeader];
        return { status: head[':status'] ?? 0, headers: head, body: await buffer(stream) };
      },
      [Symbol.dispose]: () => session.destroy(),
    };
  }

  #options(url: string, { method = 'GET', headers = {}, from = CLIENT }: Asked): RequestOptions {
    const { pathname, search, host } = new URL(url.startsWith('/') ? this.base + url : url);
    const { certificate, tlsPort } = this.#server;
    return {
      ...{ host: '127.0.0.1', port: tlsPort, servername: host.replace(/:\d+$/, ''), ca: certificate, agent: false },
      ...{ localAddress: from, method, path: pathname + search, headers: { Host: host, ...headers } },
    };
  }
}
