import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { PerchError } from '../../../base/errors.ts';
import type { ByteSink } from '../../../base/network/socket-channel.ts';
import type { WebSocketChannel } from '../../../media/websocket/channel.ts';
import { MAX_LINE_BYTES } from './proof.ts';

const LINE_END = 0x0a;

/** The bytes within a WebSocket as a stream with back-pressure in both directions. */
export class LinkStream extends Duplex implements ByteSink {
  /** Number of bytes received so far. */
  receivedBytes = 0;
  readonly #channel: WebSocketChannel;
  readonly #socket: Socket;

  /** @param socket the connection below the channel */
  constructor(channel: WebSocketChannel, socket: Socket) {
    super({ allowHalfOpen: false });
    this.#channel = channel;
    this.#socket = socket;
    channel.sink = this;
    // The owner learns of the end by `close`.
    this.on('error', () => {});
  }

  /** `address:port` of the peer. */
  get remote(): string {
    return this.#channel.remote;
  }

  onBytes(chunk: Uint8Array, length: number): void {
    this.receivedBytes += length;
    // A copy, because the chunk is valid during the call only.
    if (!this.push(Buffer.from(chunk.subarray(0, length)))) {
      this.#channel.pause();
    }
  }

  onEnd(cause: unknown): void {
    this.destroy(cause instanceof Error ? cause : undefined);
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#channel.write(chunk);
    if (this.#socket.writableNeedDrain) {
      this.#socket.once('drain', done);
    } else {
      done();
    }
  }

  /** The many small writes of HTTP/2 become one frame. */
  override _writev(chunks: readonly { readonly chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), '', done);
  }

  override _final(done: () => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.destroy();
    done(error);
  }
}

/** The next line, without its end. What follows stays in the stream. @throws PerchError badInput for one that is too long, unavailable at the end */
export function readLine(stream: Duplex, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let held = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    const end = held.indexOf(LINE_END);
    if (end < 0 ? held.length > MAX_LINE_BYTES : end > MAX_LINE_BYTES) {
      reject(new PerchError('badInput', `a line of more than ${MAX_LINE_BYTES} bytes at the start of the link`));
    } else if (end >= 0) {
      stream.pause();
      resolve(end);
    }
  };
  const onClose = (): void => reject(new PerchError('unavailable', 'the connection has ended at its start'));
  const onAbort = (): void => reject(signal.reason);
  stream.on('data', onData).once('close', onClose);
  stream.resume();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted || stream.destroyed) {
    (signal.aborted ? onAbort : onClose)();
  }
  return promise
    .then((end) => {
      if (held.length > end + 1) {
        stream.unshift(held.subarray(end + 1));
      }
      return held.toString('utf8', 0, end);
    })
    .finally(() => {
      stream.off('data', onData).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
    });
}
