import { explain, PerchError, unlessExpected } from '../../base/errors.ts';
import type { ByteChannel, ByteSink } from '../../base/network/socket-channel.ts';
import { type AmfInput, type AmfValue, readAmf0, writeAmf0 } from '../../media/amf/amf0.ts';
import { VIDEO_SAMPLES } from '../../media/sample/sample-buffer.ts';
import { ChunkReader, type MessageSink } from './chunk-reader.ts';
import { Handshake } from './handshake.ts';
import {
  CHUNK_BYTES,
  CHUNK_STREAM,
  EVENT,
  MESSAGE,
  writeBufferLength,
  writeControl,
  writeEvent,
  writeMessage,
} from './messages.ts';

/** Window acknowledgement size, §5.4.4: after this many bytes each end acknowledges them. */
const WINDOW_BYTES = 2_500_000;
const DYNAMIC_LIMIT = 2;
const TAG_HEADER_BYTES = 11;
const TAG_SIZE_BYTES = 4;

/** The owner of a link. Exceptions end it: expected ones with their message. */
export interface LinkOwner {
  /** The handshake is complete. */
  onOpen(): void;
  /** @param args after the transaction's number */
  onCommand(name: string, transaction: number, args: readonly AmfValue[], messageStream: number): void;
  /** Audio, video and data. @param data valid during the call only */
  onMedia(type: number, timestamp: number, data: Uint8Array, start: number, end: number): void;
  /** A message that cannot be read is skipped. */
  readonly onDamage?: ((reason: string) => void) | undefined;
  /** After each piece of what the peer sends. @param bytes of memory for messages and unread answers */
  onHeld?(bytes: number): void;
  /** The server says that its stream is over. */
  onStreamEnd?(): void;
  /** The last call. @param cause undefined if closed by the peer */
  onEnd(cause: unknown): void;
}

/** RTMP on one connection, for either end: handshake, chunks, control messages. */
export class RtmpLink implements ByteSink, MessageSink {
  readonly #channel: ByteChannel;
  readonly #owner: LinkOwner;
  readonly #handshake: Handshake;
  /** The largest message of a peer before it may publish. */
  readonly #chunks = new ChunkReader(this, 32 << 10);
  #receivedBytes = 0;
  #sentBytes = 0;
  #acknowledgedBytes = 0;
  #windowBytes = WINDOW_BYTES;
  #hasEnded = false;

  constructor(channel: ByteChannel, isServer: boolean, owner: LinkOwner) {
    this.#channel = channel;
    this.#owner = owner;
    this.#handshake = new Handshake(isServer, (bytes) => this.write(bytes));
    channel.sink = this;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  get queuedBytes(): number {
    return this.#channel.queuedBytes;
  }

  get isOpen(): boolean {
    return this.#handshake.isDone && !this.#hasEnded;
  }

  /** From now on messages may be as large as pictures. */
  allowMedia(): void {
    // A video access unit with its tag header.
    this.#chunks.maxMessageBytes = VIDEO_SAMPLES.maxSampleBytes + 1_024;
  }

  /** Announces chunk size and acknowledgement window. Called before the first command. */
  begin(): void {
    this.write(
      Buffer.concat([
        writeControl(MESSAGE.windowSize, WINDOW_BYTES),
        writeControl(MESSAGE.peerBandwidth, WINDOW_BYTES, [DYNAMIC_LIMIT]),
        writeControl(MESSAGE.setChunkSize, CHUNK_BYTES),
      ]),
    );
  }

  command(messageStream: number, ...values: readonly AmfInput[]): void {
    this.write(writeMessage(CHUNK_STREAM.command, MESSAGE.command, messageStream, writeAmf0(...values)));
  }

  event(event: number, value: number): void {
    this.write(writeEvent(event, value));
  }

  /** Announces a player's buffer length: some servers send nothing before that. */
  bufferLength(messageStream: number): void {
    this.write(writeBufferLength(messageStream));
  }

  /** @param bytes whole chunks, unchanged until `queuedBytes` is 0 */
  write(bytes: Uint8Array): void {
    this.#sentBytes += bytes.length;
    this.#channel.write(bytes);
  }

  pause(): void {
    this.#channel.pause();
  }

  resume(): void {
    this.#channel.resume();
  }

  /** Sends what is queued, then closes. */
  end(): void {
    this.#channel.end();
  }

  destroy(): void {
    this.#channel.destroy();
  }

  onBytes(received: Uint8Array, length: number): void {
    if (this.#hasEnded) {
      return;
    }
    // Not a Buffer: its `slice` would not copy.
    const chunk = new Uint8Array(received.buffer, received.byteOffset, length);
    this.#receivedBytes += length;
    try {
      let at = 0;
      if (!this.#handshake.isDone) {
        at = this.#handshake.push(chunk, 0, length);
        if (!this.#handshake.isDone) {
          return;
        }
        this.#owner.onOpen();
      }
      this.#chunks.push(chunk, at, length);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#receivedBytes - this.#acknowledgedBytes >= this.#windowBytes && this.#isRead) {
      this.#acknowledgedBytes = this.#receivedBytes;
      this.write(writeControl(MESSAGE.acknowledgement, this.#receivedBytes % 2 ** 32));
    }
    this.#owner.onHeld?.(this.#chunks.heldBytes + this.#channel.queuedBytes);
  }

  onEnd(cause: unknown): void {
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.#owner.onEnd(cause);
    }
  }

  onMessage(
    type: number,
    messageStream: number,
    timestamp: number,
    data: Uint8Array,
    start: number,
    end: number,
  ): void {
    switch (type) {
      case MESSAGE.audio:
      case MESSAGE.video:
      case MESSAGE.data:
        this.#owner.onMedia(type, timestamp, data, start, end);
        return;
      case MESSAGE.dataAmf3:
        // The body is a byte 0, then AMF0 data.
        this.#owner.onMedia(MESSAGE.data, timestamp, data, Math.min(start + 1, end), end);
        return;
      case MESSAGE.command:
        this.#command(messageStream, data, start, end);
        return;
      case MESSAGE.commandAmf3:
        this.#command(messageStream, data, Math.min(start + 1, end), end);
        return;
      case MESSAGE.aggregate:
        this.#aggregate(timestamp, data, start, end);
        return;
      default:
        this.#control(type, data, start, end);
    }
  }

  #control(type: number, data: Uint8Array, start: number, end: number): void {
    if (end - start < 4) {
      return;
    }
    const value = uint32(data, start);
    if (type === MESSAGE.setChunkSize) {
      this.#chunks.setChunkBytes(value & 0x7fff_ffff);
    } else if (type === MESSAGE.abort) {
      this.#chunks.abort(value);
    } else if (type === MESSAGE.windowSize) {
      this.#windowBytes = Math.max(value, 1);
    } else if (type === MESSAGE.userControl && end - start >= 6) {
      this.#event(value >>> 16, uint32(data, start + 2));
    }
  }

  /** Otherwise answers to pings and acknowledgements are dropped. */
  get #isRead(): boolean {
    return this.#channel.queuedBytes <= 64 << 10;
  }

  #event(event: number, value: number): void {
    if (event === EVENT.pingRequest && this.#isRead) {
      this.event(EVENT.pingResponse, value);
    } else if (event === EVENT.streamEnd) {
      this.#owner.onStreamEnd?.();
    }
  }

  #command(messageStream: number, data: Uint8Array, start: number, end: number): void {
    const [name, transaction, ...args] = unlessExpected(() => readAmf0(data, start, end)) ?? [];
    if (typeof name !== 'string') {
      this.#owner.onDamage?.('RTMP command that is not AMF0, or without a name');
      return;
    }
    this.#owner.onCommand(name, typeof transaction === 'number' ? transaction : 0, args, messageStream);
  }

  /** FLV tags, §7.1.6; the first one's time is that of the message. */
  #aggregate(timestamp: number, data: Uint8Array, start: number, end: number): void {
    let firstTime = -1;
    for (let at = start; at + TAG_HEADER_BYTES <= end; ) {
      const bytes = uint32(data, at) & 0xff_ffff;
      const time = ((uint32(data, at + 4) >>> 8) | ((data[at + 7] as number) << 24)) >>> 0;
      firstTime = firstTime < 0 ? time : firstTime;
      const from = at + TAG_HEADER_BYTES;
      if (from + bytes > end) {
        this.#owner.onDamage?.(`FLV tag of ${bytes} bytes with ${end - from} left`);
        return;
      }
      this.#owner.onMedia(data[at] as number, (timestamp + time - firstTime) >>> 0, data, from, from + bytes);
      at = from + bytes + TAG_SIZE_BYTES;
    }
  }

  #fail(error: unknown): void {
    this.#hasEnded = true;
    this.#channel.destroy();
    this.#owner.onEnd(
      error instanceof PerchError ? error : new Error(`fault in RTMP: ${explain(error)}`, { cause: error }),
    );
  }
}

const uint32 = (data: Uint8Array, at: number): number =>
  (data[at] as number) * 2 ** 24 +
  (((data[at + 1] as number) << 16) | ((data[at + 2] as number) << 8) | (data[at + 3] as number));
