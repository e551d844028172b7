import type { ByteChannel, ByteSink } from '../../../base/byte-channel.ts';
import { PerchError } from '../../../base/errors.ts';
import { Base64Decoder } from '../../../media/rtsp/base64-stream.ts';

/**
 * RTSP within two HTTP connections, as QuickTime began it: what we send is the endless body of the answer to GET,
 * what the client sends is the endless body of POST, in base64. The client may end its POST and make another.
 */
export class HttpTunnel implements ByteChannel {
  sink: ByteSink | undefined;
  readonly #get: ByteChannel;
  readonly #onOver: () => void;
  #post: ByteChannel | undefined;
  #isPaused = false;
  /** It was paused once: much of the client's may still be on its way when GET has ended. */
  #isBehind = false;
  #isGetOver = false;
  #hasEnded = false;

  /** @param onOver called once, when the tunnel has ended */
  constructor(get: ByteChannel, onOver: () => void) {
    this.#get = get;
    this.#onOver = onOver;
    get.sink = {
      // What a client sends behind its GET has no meaning.
      onBytes: () => {},
      onEnd: (cause) => this.#endGet(cause),
    };
  }

  /** @param first bytes of the body that came with its head */
  takePost(post: ByteChannel, first: Uint8Array): void {
    if (this.#hasEnded) {
      post.destroy();
      return;
    }
    this.#post?.destroy();
    this.#post = post;
    const decoder = new Base64Decoder();
    post.sink = {
      onBytes: (chunk, length) => this.#decode(post, decoder, chunk, length),
      onEnd: (cause) => this.#endPost(post, cause),
    };
    if (this.#isPaused) {
      post.pause();
    }
    this.#decode(post, decoder, first, first.length);
  }

  get queuedBytes(): number {
    return this.#get.queuedBytes;
  }

  get remote(): string {
    return this.#get.remote;
  }

  write(bytes: Uint8Array): void {
    this.#get.write(bytes);
  }

  end(): void {
    this.#get.end();
    this.#post?.end();
  }

  destroy(): void {
    this.#get.destroy();
    this.#post?.destroy();
  }

  /** Only what brings the client's bytes: of the other half the end is all that can come. */
  pause(): void {
    this.#isPaused = true;
    this.#isBehind = true;
    this.#post?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#post?.resume();
  }

  #decode(post: ByteChannel, decoder: Base64Decoder, chunk: Uint8Array, length: number): void {
    if (this.#hasEnded || post !== this.#post) {
      return;
    }
    try {
      const bytes = decoder.push(chunk, length);
      if (bytes.length > 0) {
        this.sink?.onBytes(bytes, bytes.length);
      }
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#finish(new PerchError('badInput', 'HTTP tunnel cannot be read', { peer: this.remote }, error));
    }
  }

  #endGet(cause: unknown): void {
    if (cause === undefined && this.#isBehind && this.#post) {
      this.#isGetOver = true;
    } else {
      this.#finish(cause);
    }
  }

  /** One that ended in order may be followed by another; one that broke takes the tunnel with it. */
  #endPost(post: ByteChannel, cause: unknown): void {
    if (post === this.#post) {
      this.#post = undefined;
      if (cause !== undefined || this.#isGetOver) {
        this.#finish(cause);
      }
    }
  }

  #finish(cause: unknown): void {
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.destroy();
      this.#onOver();
      this.sink?.onEnd(cause);
    }
  }
}
