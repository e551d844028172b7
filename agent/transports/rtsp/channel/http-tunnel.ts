import { randomBytes } from 'node:crypto';
import { rethrowUnexpected } from '../../../base/errors.ts';
import type { ByteChannel, ByteSink, SocketChannel } from '../../../base/network/socket-channel.ts';
import { encodeBase64 } from '../../../media/rtsp/base64-stream.ts';
import { HttpHeadReader, type HttpResponse, parseHttpHead, writeHttpHead } from '../../../media/rtsp/http-head.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import { HeldWrites } from './dial.ts';
import { type HandshakeOptions, type HandshakeSink, TunnelHandshake, tunnelRefusal } from './tunnel-handshake.ts';

const TUNNELLED = 'application/x-rtsp-tunnelled';
/** HTTP/1.0 requires a length for an endless body. All clients send this one; servers ignore it. */
const BODY_BYTES = '32767';

/**
 * RTSP within two HTTP connections, QuickTime's tunnel: the camera's bytes are the endless body of the response to GET, ours the
 * endless body of a POST in base64. The cookie links the two.
 */
export class HttpTunnel implements ByteChannel, HandshakeSink, ByteSink {
  sink: ByteSink | undefined;
  readonly remote: string;
  readonly #options: HandshakeOptions;
  readonly #handshake: TunnelHandshake;
  readonly #cookie: HeaderField = ['x-sessioncookie', randomBytes(16).toString('base64url')];
  readonly #held = new HeldWrites();
  #get: SocketChannel | undefined;
  #post: SocketChannel | undefined;
  /** The camera has sent bytes within the tunnel. */
  #hasHeard = false;
  #isPaused = false;
  #isEnding = false;
  #hasEnded = false;

  constructor(remote: string, options: Pick<HandshakeOptions, 'peer' | 'target' | 'authenticator' | 'dial'>) {
    this.remote = remote;
    const fields: HeaderField[] = [
      ['Host', remote],
      ['User-Agent', 'Perch'],
      this.#cookie,
      ['Accept', TUNNELLED],
      ['Pragma', 'no-cache'],
      ['Cache-Control', 'no-cache'],
    ];
    // Version 1.0, so that no camera sends its endless body in chunks.
    this.#options = { ...options, fields, status: 200, version: '1.0' };
    this.#handshake = new TunnelHandshake(this.#options, this);
    this.#handshake.start();
  }

  get heldMs(): number {
    return this.#options.authenticator.heldMs;
  }

  get queuedBytes(): number {
    return this.#held.byteCount + (this.#post?.queuedBytes ?? 0);
  }

  write(bytes: Uint8Array): void {
    if (this.#hasEnded) {
      return;
    }
    if (!this.#get) {
      this.#held.add(bytes);
      return;
    }
    this.#post ??= this.#newPost();
    this.#post.write(encodeBase64(bytes));
  }

  end(): void {
    if (this.#post) {
      this.#isEnding = true;
      this.#post.end();
    } else {
      this.destroy();
    }
  }

  destroy(): void {
    this.#handshake.destroy();
    this.#get?.destroy();
    this.#post?.destroy();
  }

  pause(): void {
    this.#isPaused = true;
    this.#get?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#get?.resume();
  }

  onOpen(get: SocketChannel, _response: HttpResponse, rest: Uint8Array): void {
    this.#get = get;
    get.sink = this;
    if (this.#isPaused) {
      get.pause();
    }
    this.#held.release(this);
    if (rest.length > 0) {
      this.onBytes(rest, rest.length);
    }
  }

  onBytes(chunk: Uint8Array, length: number): void {
    this.#hasHeard = true;
    this.sink?.onBytes(chunk, length);
  }

  onEnd(cause: unknown): void {
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.destroy();
      this.sink?.onEnd(cause);
    }
  }

  /** After the camera has closed a POST without an error, the next write opens another one. */
  #newPost(): SocketChannel {
    const { target, authenticator } = this.#options;
    const post = this.#options.dial();
    const answer = new HttpHeadReader();
    let isAnswered = false;
    post.sink = {
      onBytes: (chunk, length) => {
        if (!isAnswered) {
          isAnswered = this.#hasHeard || this.#isPostAnswered(answer, chunk, length);
        }
      },
      onEnd: (cause) => {
        if (post === this.#post) {
          this.#post = undefined;
        }
        if (cause !== undefined || this.#isEnding) {
          this.onEnd(cause);
        }
      },
    };
    const fields: HeaderField[] = [
      ['Host', this.remote],
      ['User-Agent', 'Perch'],
      this.#cookie,
      ['Content-Type', TUNNELLED],
      ['Pragma', 'no-cache'],
      ['Cache-Control', 'no-cache'],
      ['Content-Length', BODY_BYTES],
      ['Expires', 'Sun, 9 Jan 1972 00:00:00 GMT'],
    ];
    const authorization = authenticator.header('POST', target);
    if (authorization !== undefined) {
      fields.push(['Authorization', authorization]);
    }
    post.write(writeHttpHead(`POST ${target} HTTP/1.0`, fields));
    return post;
  }

  /**
   * Most cameras do not answer an endless POST; some answer it with a timeout in the middle of a stream. A rejection before any
   * byte of the tunnel is final.
   */
  #isPostAnswered(answer: HttpHeadReader, chunk: Uint8Array, length: number): boolean {
    try {
      if (answer.push(chunk, length) < 0) {
        return false;
      }
      const response = parseHttpHead(answer.bytes);
      if (response.kind === 'response' && response.status >= 400) {
        this.onEnd(tunnelRefusal('POST', response, this.#options));
      }
    } catch (error) {
      // A response that is not HTTP is ignored.
      rethrowUnexpected(error);
    }
    return true;
  }
}
