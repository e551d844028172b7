import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { explain, PerchError } from '../../base/errors.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import { percentDecode } from '../../base/network/url-parts.ts';
import { ConnectionPool } from '../../http-client/connection-pool.ts';
import { type HttpReply as BareReply, fieldOf, type HttpHeaders } from '../../http-client/reply-reader.ts';
import { cut, type HttpServer } from '../../http-client/request.ts';
import { certificateFailure } from '../tls/certificate.ts';
import type { Peer } from '../tls/peer.ts';
import { HostGuard } from './host-guard.ts';
import { HttpLogin } from './http-login.ts';

const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_COOKIES = 20;
const IDLE_MS = 60_000;

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;
const [inflated, inflatedRaw] = [promisify(inflate), promisify(inflateRaw)] as readonly [Decoder, Decoder];
const DECODERS: Readonly<Record<string, Decoder>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  // Some servers leave out the header of RFC 1950, whose first byte names the method 8.
  deflate: (body, options) => ((body[0] ?? 0) % 16 === 8 ? inflated : inflatedRaw)(body, options),
  br: promisify(brotliDecompress),
};

interface HttpClientOptions {
  /** `http(s)://`; its user and password are sent to its host only. */
  readonly url: string;
  readonly peer: Peer;
  /** SHA-256 in hex of the certificate of the URL's host; empty: it needs a trusted issuer. */
  readonly fingerprint: string;
  /** Time limit for each request and its whole reply. */
  readonly timeoutMs: number;
  /** Value of the Authorization header, such as `Bearer x`; sent to the URL's origin only. */
  readonly authorization?: string | undefined;
}

interface HttpRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A longer reply is rejected. */
  readonly maxBytes: number;
  /** Default: the client's time limit. */
  readonly timeoutMs?: number;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: Buffer;
  /** URL of the reply, after redirects. */
  readonly url: string;
}

/** Requests of one source to its server, and to the hosts that the server names (`HostGuard`). */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #configured: URL;
  readonly #login: HttpLogin | undefined;
  readonly #guard: HostGuard;
  /** As many sockets as a player opens. */
  readonly #pool = new ConnectionPool({ maxSockets: 6, idleMs: IDLE_MS, mayRepeat: true });
  /** The server announces longer bodies than it sends. */
  #hasWrongLengths = false;
  /** Cookie values by host, then by name. */
  readonly #cookies = new Map<string, Map<string, string>>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#configured = new URL(options.url);
    this.#login = loginOf(this.#configured);
    this.#guard = new HostGuard(options.url);
  }

  /** Follows redirects with the same method and body. @throws PerchError unavailable, timeout, unauthorized, unsupported */
  async request(url: string, asked: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    const { timeoutMs = this.#options.timeoutMs } = asked;
    return withJoinedSignal([signal], timeoutMs, async (joined) => {
      try {
        return await this.#follow(new URL(url), asked, joined.signal);
      } catch (cause) {
        if (joined.isLate) {
          const message = `no answer from ${placeOf(url)} within ${timeoutMs / 1000} s`;
          throw new PerchError('timeout', message, { isUnreachable: true });
        }
        throw cause instanceof PerchError ? cause : unreachable(url, cause);
      }
    });
  }

  close(): void {
    this.#pool.close();
  }

  async #follow(start: URL, asked: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    let url = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const reply = await this.#exchange(url, asked, signal);
      const location = reply.headers['location']?.[0];
      if (!REDIRECTS.includes(reply.status) || location === undefined) {
        return reply;
      }
      const next = URL.canParse(location, url) ? new URL(location, url) : undefined;
      if (next?.protocol !== 'http:' && next?.protocol !== 'https:') {
        throw new PerchError('unsupported', `${placeOf(url)} redirects to '${location.slice(0, 100)}'`);
      }
      if (url.protocol === 'https:' && next.protocol === 'http:') {
        throw new PerchError('unsupported', `${placeOf(url)} redirects from https to http, which is not followed`);
      }
      url = next;
    }
    throw new PerchError('unavailable', `${placeOf(start)} redirects more than ${MAX_REDIRECTS} times`);
  }

  async #exchange(url: URL, asked: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    this.#guard.check(url);
    const { status, headers, body, excess } = await this.#receive(url, asked, signal);
    if (excess) {
      throw tooLarge(url, asked.maxBytes);
    }
    const decoded = await decode(body, fieldOf(headers, 'content-encoding') ?? '', url, asked.maxBytes);
    return { status, headers, body: decoded, url: url.href };
  }

  /** A body that ends twice at the same byte is whole, and the announced length wrong. */
  async #receive(url: URL, asked: HttpRequest, signal: AbortSignal): Promise<BareReply> {
    const first = await this.#send(url, asked, signal);
    if (!first.isShort || this.#hasWrongLengths || first.status >= 300) {
      return first;
    }
    const second = asked.body === undefined ? await this.#send(url, asked, signal) : undefined;
    if (!second || (second.isShort && second.body.length !== first.body.length)) {
      throw cut('it closed the connection inside its answer');
    }
    this.#hasWrongLengths = second.isShort;
    return second;
  }

  /** The login is sent to the URL's origin only. */
  async #send(url: URL, asked: HttpRequest, signal: AbortSignal): Promise<BareReply> {
    const isConfigured = url.host === this.#configured.host && url.protocol === this.#configured.protocol;
    const { authorization } = this.#options;
    if (!isConfigured || authorization !== undefined || !this.#login) {
      return this.#sendWith(isConfigured ? authorization : undefined, url, asked, signal);
    }
    const attempt = this.#login.begin(asked.method ?? 'GET', url.pathname + url.search);
    for (;;) {
      const reply = await this.#sendWith(attempt.header(), url, asked, signal);
      if (!attempt.mayAgain(reply)) {
        return reply;
      }
    }
  }

  async #sendWith(
    authorization: string | undefined,
    url: URL,
    asked: HttpRequest,
    signal: AbortSignal,
  ): Promise<BareReply> {
    const cookies = [...(this.#cookies.get(url.hostname) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
    const { reply } = await this.#pool.request(this.#serverOf(url), {
      method: asked.method ?? 'GET',
      path: url.pathname + url.search,
      hostHeader: url.host,
      headers: {
        'User-Agent': 'Perch',
        ...asked.headers,
        ...(authorization === undefined ? {} : { Authorization: authorization }),
        ...(cookies === '' ? {} : { Cookie: cookies }),
      },
      body: asked.body,
      maxBytes: asked.maxBytes,
      signal,
    });
    this.#keepCookies(url, reply.headers['set-cookie'] ?? []);
    return reply;
  }

  #serverOf(url: URL): HttpServer {
    const isSecure = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const place = { host, port: Number(url.port || (isSecure ? 443 : 80)), lookup: this.#guard.lookup };
    if (!isSecure) {
      return place;
    }
    if (url.hostname !== this.#configured.hostname) {
      return { ...place, tls: {} };
    }
    const { peer, fingerprint } = this.#options;
    const check = (socket: TLSSocket): Error | undefined => certificateFailure(socket, peer, fingerprint);
    return { ...place, tls: { rejectUnauthorized: false }, check };
  }

  #keepCookies({ hostname }: URL, lines: readonly string[]): void {
    const cookies = this.#cookies.get(hostname) ?? new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = /^([^=;\s]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined && line.length <= 4_096) {
        cookies.delete(name);
        cookies.set(name, value.trim());
      }
    }
    for (const oldest of [...cookies.keys()].slice(0, Math.max(0, cookies.size - MAX_COOKIES))) {
      cookies.delete(oldest);
    }
    if (cookies.size > 0 && (this.#cookies.has(hostname) || this.#cookies.size < MAX_COOKIES)) {
      this.#cookies.set(hostname, cookies);
    }
  }
}

async function decode(body: Buffer, encoding: string, url: URL, maxOutputLength: number): Promise<Buffer> {
  const decoder = DECODERS[encoding.trim().toLowerCase()];
  if (!decoder) {
    return body;
  }
  try {
    return await decoder(body, { maxOutputLength });
  } catch (cause) {
    const isTooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge
      ? tooLarge(url, maxOutputLength)
      : new PerchError('unavailable', `the answer of ${placeOf(url)} is not ${encoding}`, {}, cause);
  }
}

function loginOf({ username, password, protocol }: URL): HttpLogin | undefined {
  const credentials = { user: percentDecode(username), password: percentDecode(password) };
  return username === '' ? undefined : new HttpLogin(credentials, protocol === 'https:');
}

/** A URL for messages: query and login may be secret. */
function placeOf(url: string | URL): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname.slice(0, 200)}`;
}

const tooLarge = (url: URL, maxBytes: number): PerchError =>
  new PerchError('unsupported', `the answer of ${placeOf(url)} has more than ${maxBytes} bytes`);

const unreachable = (url: string, cause: unknown): PerchError =>
  new PerchError('unavailable', `${placeOf(url)} cannot be reached: ${explain(cause)}`, { isUnreachable: true });
