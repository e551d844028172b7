import { PerchError } from '../../../base/errors.ts';
import { endpointOf } from '../../../base/network/ip-address.ts';
import type { ByteChannel, ByteSink } from '../../../base/network/socket-channel.ts';
import { Base64Decoder } from '../../../media/rtsp/base64-stream.ts';

/**
 * RTSP over two HTTP connections (QuickTime): the endless body of the GET response carries the server's data, the
 * endless body of POST the client's, in base64. The client may end its POST and open another from the same address.
 */
export class HttpTunnel implements ByteChannel {
  sink: ByteSink | undefined;
  readonly #get: ByteChannel;
  /** Address of all POSTs. */
  readonly postIp: string;
  readonly #onOver: () => void;
  #post: ByteChannel | undefined;
  #isPaused = false;
  /** Client data may still arrive after GET has ended. */
  #wasPaused = false;
  #isGetOver = false;
  #hasEnded = false;

  /** @param onOver called once at the end */
  constructor(get: ByteChannel, postIp: string, onOver: () => void) {
    this.#get = get;
    this.postIp = postIp;
    this.#onOver = onOver;
    get.sink = {
      onBytes: () => {},
      onEnd: (cause) => this.#endGet(cause),
    };
  }

  /** Requests come from another address than that of the GET. */
  get hasTwoAddresses(): boolean {
    return this.postIp !== endpointOf(this.#get.remote).ip;
  }

  /**
   * @param post from `postIp`
   * @param first bytes of the body that arrived with the head
   */
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

  /** Pauses the POST: the GET carries no client data. */
  pause(): void {
    this.#isPaused = true;
    this.#wasPaused = true;
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
      this.#finish(new PerchError('badInput', 'HTTP tunnel data is invalid', { peer: this.remote }, error));
    }
  }

  #endGet(cause: unknown): void {
    if (cause === undefined && this.#wasPaused && this.#post) {
      this.#isGetOver = true;
    } else {
      this.#finish(cause);
    }
  }

  /** A POST that ended in order may be followed by another; a broken one ends the tunnel. */
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
