import { Agent, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { explain, PerchError } from '../../base/errors.ts';
import { withJoinedSignal } from '../../base/joined-signal.ts';
import { percentDecode } from '../rtsp/request/address.ts';
import { certificateFailure } from '../tls/certificate.ts';
import type { Peer } from '../tls/peer.ts';
import { HostGuard } from './host-guard.ts';

const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_COOKIES = 20;
const MAX_COOKIE_CHARACTERS = 4_096;
/** The most connections to one host: as many as a player opens. */
const MAX_SOCKETS = 6;

const DECODERS: Readonly<Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
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
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** URL of the reply, after redirects. */
  readonly url: string;
}

/** Requests of one source to its server, and to the hosts that the server names (`HostGuard`). */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #configured: URL;
  readonly #authorization: string | undefined;
  readonly #guard: HostGuard;
  readonly #plain: Agent;
  /** Agent for the configured host, whose certificate is checked here. */
  readonly #configuredSecure: SecureAgent;
  readonly #secure: SecureAgent;
  /** Cookie values by host, then by name. */
  readonly #cookies = new Map<string, Map<string, string>>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#configured = new URL(options.url);
    this.#authorization = options.authorization ?? basicOf(this.#configured);
    this.#guard = new HostGuard(options.url);
    const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
    this.#plain = new Agent(agent);
    this.#secure = new SecureAgent(agent);
    // Node does not compare the names of a certificate again when it resumes a session.
    this.#configuredSecure = new SecureAgent({ ...agent, rejectUnauthorized: false, maxCachedSessions: 0 });
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
    this.#plain.destroy();
    this.#secure.destroy();
    this.#configuredSecure.destroy();
  }

  async #follow(start: URL, asked: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    let url = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const reply = await this.#exchange(url, asked, signal);
      const { location } = reply.headers;
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
    const response = await this.#send(url, asked, signal);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > asked.maxBytes) {
        response.destroy();
        throw tooLarge(url, asked.maxBytes);
      }
      chunks.push(chunk);
    }
    this.#keepCookies(url, response.headers['set-cookie'] ?? []);
    const { statusCode: status = 0, headers } = response;
    const body = await decode(Buffer.concat(chunks), headers['content-encoding'] ?? '', url, asked.maxBytes);
    return { status, headers, body, url: url.href };
  }

  #send(url: URL, asked: HttpRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const isConfigured = url.host === this.#configured.host && url.protocol === this.#configured.protocol;
    const cookies = [...(this.#cookies.get(url.hostname) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
    const isSecure = url.protocol === 'https:';
    const isChecked = isSecure && url.hostname === this.#configured.hostname;
    const options: RequestOptions = {
      method: asked.method ?? 'GET',
      agent: isChecked ? this.#configuredSecure : isSecure ? this.#secure : this.#plain,
      lookup: this.#guard.lookup,
      signal,
      headers: {
        'User-Agent': 'Perch',
        ...asked.headers,
        ...(asked.body === undefined ? {} : { 'Content-Length': Buffer.byteLength(asked.body) }),
        ...(isConfigured && this.#authorization !== undefined ? { Authorization: this.#authorization } : {}),
        ...(cookies === '' ? {} : { Cookie: cookies }),
      },
    };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    // The login of the URL is sent by its header, to its origin only.
    const bare = new URL(url);
    bare.username = '';
    bare.password = '';
    const sent = isSecure ? secureRequest(bare, options, resolve) : request(bare, options, resolve);
    sent.on('error', reject);
    if (!isChecked) {
      sent.end(asked.body);
      return promise;
    }
    // Nothing is sent before the certificate is checked: the request may hold a password.
    sent.once('socket', (socket) => {
      const check = () => {
        const { peer, fingerprint } = this.#options;
        const fault = certificateFailure(socket as TLSSocket, peer, fingerprint);
        fault ? sent.destroy(fault) : sent.end(asked.body);
      };
      sent.reusedSocket ? check() : socket.once('secureConnect', check);
    });
    return promise;
  }

  #keepCookies({ hostname }: URL, lines: readonly string[]): void {
    const cookies = this.#cookies.get(hostname) ?? new Map<string, string>();
    for (const line of lines) {
      const [, name, value] = /^([^=;\s]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined && line.length <= MAX_COOKIE_CHARACTERS) {
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

function basicOf({ username, password }: URL): string | undefined {
  const login = `${percentDecode(username)}:${percentDecode(password)}`;
  return username === '' ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
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
