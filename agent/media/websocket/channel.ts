import { PerchError } from '../../base/errors.ts';
import type { ByteChannel, ByteSink } from '../../base/socket-channel.ts';
import { binaryHead, closeFrame, maskedBinary, pongFrame, WebSocketDecoder, type WebSocketSink } from './frames.ts';

/** A channel that can send two pieces at once. */
interface PairWriter extends ByteChannel {
  writeTwo(head: Uint8Array, bytes: Uint8Array): void;
}

const NO_MASK = new Uint8Array(0);
const NORMAL_CLOSURE = 1000;
const PROTOCOL_ERROR = 1002;
/** A peer that pings and does not read the answers gets no more of them. */
const MAX_UNREAD_BYTES = 64 << 10;

/** The bytes within a WebSocket's data frames, after the handshake. Every write is a message of its own. */
export class WebSocketChannel implements ByteChannel, ByteSink, WebSocketSink {
  sink: ByteSink | undefined;
  readonly #inner: PairWriter;
  readonly #newMask: (() => Uint8Array) | undefined;
  readonly #decoder: WebSocketDecoder;
  /** A close has been sent or asked for: from here on nothing counts but that the connection goes. */
  #isClosing = false;
  /** What the other side did wrong, if that is why it is closed. */
  #fault: PerchError | undefined;

  /** @param newMask four random bytes, on the client's side only */
  constructor(inner: PairWriter, newMask: (() => Uint8Array) | undefined) {
    this.#inner = inner;
    this.#newMask = newMask;
    this.#decoder = new WebSocketDecoder(this, newMask === undefined);
    inner.sink = this;
  }

  get queuedBytes(): number {
    return this.#inner.queuedBytes;
  }

  get remote(): string {
    return this.#inner.remote;
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosing) {
      return;
    }
    if (this.#newMask) {
      this.#inner.write(maskedBinary(bytes, this.#newMask()));
    } else {
      this.#inner.writeTwo(binaryHead(bytes.length), bytes);
    }
  }

  end(): void {
    this.#close(NORMAL_CLOSURE);
  }

  destroy(): void {
    this.#inner.destroy();
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  onBytes(chunk: Uint8Array, length: number): void {
    if (this.#isClosing) {
      return;
    }
    try {
      this.#decoder.push(chunk, length);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#fault = error;
      this.#closed(PROTOCOL_ERROR);
    }
  }

  onEnd(cause: unknown): void {
    this.#isClosing = true;
    this.sink?.onEnd(this.#fault ?? cause);
  }

  onPayload(chunk: Uint8Array, start: number, end: number): void {
    if (!this.#isClosing && end > start) {
      this.sink?.onBytes(chunk.subarray(start, end), end - start);
    }
  }

  onPing(payload: Uint8Array): void {
    if (!this.#isClosing && this.#inner.queuedBytes <= MAX_UNREAD_BYTES) {
      this.#inner.write(pongFrame(payload, this.#mask()));
    }
  }

  /** RFC 6455 §5.5.1: answered with a close of ours, and that is the end. */
  onClose(_code: number): void {
    this.#closed(NORMAL_CLOSURE);
  }

  /** The other side wants or deserves no more. What waits for one that does not read would keep the connection for ever. */
  #closed(code: number): void {
    if (this.#inner.queuedBytes > 0) {
      this.#isClosing = true;
      this.#inner.destroy();
    } else {
      this.#close(code);
    }
  }

  /** The owner hears of the end when the connection has gone: until then it may find that this takes too long. */
  #close(code: number): void {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#inner.write(closeFrame(code, this.#mask()));
      this.#inner.end();
    }
  }

  #mask(): Uint8Array {
    return this.#newMask?.() ?? NO_MASK;
  }
}
