import { PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import type { ByteSink, SocketChannel } from '../../../base/network/socket-channel.ts';
import { HttpHeadReader, type HttpResponse, parseHttpHead, writeHttpHead } from '../../../media/rtsp/http-head.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import { type Peer, phraseOf } from '../../tls/peer.ts';
import type { Authenticator } from '../request/authenticator.ts';
import { refusal } from '../request/failures.ts';

export interface HandshakeSink {
  /** The camera has accepted. @param rest bytes after the head of its response, valid during the call only */
  onOpen(channel: SocketChannel, response: HttpResponse, rest: Uint8Array): void;
  onEnd(cause: unknown): void;
}

export interface HandshakeOptions {
  readonly peer: Peer;
  /** Path and query of the request. */
  readonly target: string;
  readonly fields: readonly HeaderField[];
  /** Status code of an accepted request. */
  readonly status: number;
  readonly version: '1.0' | '1.1';
  readonly authenticator: Authenticator;
  dial(): SocketChannel;
}

/** The GET that opens a tunnel, with a login if the camera requires one. */
export class TunnelHandshake implements ByteSink {
  readonly #options: HandshakeOptions;
  readonly #sink: HandshakeSink;
  #channel: SocketChannel | undefined;
  #head = new HttpHeadReader();
  #attempts = 0;
  readonly #over = new AbortController();

  constructor(options: HandshakeOptions, sink: HandshakeSink) {
    this.#options = options;
    this.#sink = sink;
  }

  start(): void {
    const { target, fields, version, authenticator } = this.#options;
    this.#attempts += 1;
    this.#head = new HttpHeadReader();
    const channel = this.#options.dial();
    this.#channel = channel;
    channel.sink = this;
    const authorization = authenticator.header('GET', target);
    const all = authorization === undefined ? fields : [...fields, ['Authorization', authorization] as const];
    channel.write(writeHttpHead(`GET ${target} HTTP/${version}`, all));
  }

  destroy(): void {
    this.#over.abort();
    this.#channel?.destroy();
  }

  onBytes(chunk: Uint8Array, length: number): void {
    try {
      const end = this.#head.push(chunk, length);
      if (end >= 0) {
        this.#answered(parseHttpHead(this.#head.bytes), chunk.subarray(end, length));
      }
    } catch (cause) {
      rethrowUnexpected(cause);
      this.#fail(new PerchError(cause.code, `reply of the ${phraseOf(this.#options.peer)} is not HTTP`, {}, cause));
    }
  }

  onEnd(cause: unknown): void {
    this.#options.authenticator.lose();
    this.#sink.onEnd(cause);
  }

  #answered(response: ReturnType<typeof parseHttpHead>, rest: Uint8Array): void {
    const { status, authenticator } = this.#options;
    const channel = this.#channel;
    if (response.kind !== 'response' || !channel) {
      throw new PerchError('badInput', 'HTTP request instead of a response');
    }
    // Each request has another authentication scheme or nonce.
    if (response.status === 401 && this.#attempts < 4) {
      channel.sink = undefined;
      channel.destroy();
      void this.#again(response);
      return;
    }
    authenticator.accept(response);
    if (response.status === status && !isPage(response)) {
      channel.sink = undefined;
      this.#sink.onOpen(channel, response, rest);
    } else {
      this.#fail(tunnelRefusal('GET', response, this.#options));
    }
  }

  /** Repeats the request with a login, when that may be sent. */
  async #again(response: HttpResponse): Promise<void> {
    const { signal } = this.#over;
    const { authenticator } = this.#options;
    try {
      const isAnother = await authenticator.refuse(response, signal);
      if (signal.aborted) {
        authenticator.lose();
      } else if (isAnother) {
        this.start();
      } else {
        this.#fail(tunnelRefusal('GET', response, this.#options));
      }
    } catch (error) {
      this.#sink.onEnd(error);
    }
  }

  #fail(cause: PerchError): void {
    if (this.#channel) {
      this.#channel.sink = undefined;
      this.#channel.destroy();
    }
    this.#sink.onEnd(cause);
  }
}

/** The error for a tunnel that the camera rejects. */
export function tunnelRefusal(
  method: 'GET' | 'POST',
  response: HttpResponse,
  options: Pick<HandshakeOptions, 'peer' | 'status' | 'authenticator'>,
): PerchError {
  const { status, reason } = response;
  const { peer, authenticator } = options;
  if (status === 401 && authenticator.barred) {
    return authenticator.barred;
  }
  if (status === 401 || status === 403 || status === 503) {
    return refusal(method, status, reason, peer, authenticator.hasCredentials);
  }
  const kind = options.status === 101 ? 'a WebSocket' : 'HTTP';
  const answer = `${status} ${reason.replace(/[^\x20-\x7e]/g, '').slice(0, 60)}`.trim();
  const words = isPage(response) && status === 200 ? 'a web page' : answer;
  const message = `${peer.noun} does not accept RTSP over ${kind} here (${words}): check the URL of path '${peer.path}'`;
  return new PerchError('unsupported', message, { path: peer.path, status });
}

/** Whether the response is a web page, with which a web server may answer every GET. */
function isPage({ headers }: HttpResponse): boolean {
  return /^text\/html\b/i.test(headers.get('Content-Type') ?? '');
}
