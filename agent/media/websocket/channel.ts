import { type PerchError, rethrowUnexpected } from '../../base/errors.ts';
import type { ByteChannel, ByteSink } from '../../base/network/socket-channel.ts';
import { binaryHead, closeFrame, maskedBinary, pongFrame, WebSocketDecoder, type WebSocketSink } from './frames.ts';

/** A channel that sends two buffers in one write. */
interface PairWriter extends ByteChannel {
  writeTwo(head: Uint8Array, bytes: Uint8Array): void;
}

const NO_MASK = new Uint8Array(0);
const NORMAL_CLOSURE = 1000;
const PROTOCOL_ERROR = 1002;

/** The payload of a WebSocket's data frames, after the handshake. Each write is one message. */
export class WebSocketChannel implements ByteChannel, ByteSink, WebSocketSink {
  sink: ByteSink | undefined;
  readonly #inner: PairWriter;
  readonly #newMask: (() => Uint8Array) | undefined;
  readonly #decoder: WebSocketDecoder;
  /** A close was sent or requested: everything else is ignored. */
  #isClosing = false;
  /** The peer's error that closed the connection, if any. */
  #fault: PerchError | undefined;

  /** @param newMask four random bytes; clients only */
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
      rethrowUnexpected(error);
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
    // Beyond this, pings of a peer that does not read are not answered.
    if (!this.#isClosing && this.#inner.queuedBytes <= 64 << 10) {
      this.#inner.write(pongFrame(payload, this.#mask()));
    }
  }

  /** RFC 6455 §5.5.1: answers with a close frame and ends. */
  onClose(_code: number): void {
    this.#closed(NORMAL_CLOSURE);
  }

  /** Ends the connection. Queued bytes are dropped: a peer that does not read would keep the connection open. */
  #closed(code: number): void {
    if (this.#inner.queuedBytes > 0) {
      this.#isClosing = true;
      this.#inner.destroy();
    } else {
      this.#close(code);
    }
  }

  /** Sends a close frame. The owner learns that the connection is closed by `onEnd`, and may time out before. */
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
