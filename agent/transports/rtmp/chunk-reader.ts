import { PerchError } from '../../base/errors.ts';

/** Chunk size until the peer sets another one, RTMP 1.0 §5.4.1. */
const DEFAULT_CHUNK_BYTES = 128;
/** The most chunk streams of a peer; encoders use up to ten. */
const MAX_CHUNK_STREAMS = 64;
/** Bytes of the chunk message header by fmt, §5.3.1.2. */
const FIELD_BYTES = [11, 7, 3, 0] as const;
const EXTENDED = 0xff_ffff;
const FIRST_BUFFER_BYTES = 4 << 10;
/** Buffers of finished messages are kept for the next ones up to this size together: most pictures, and audio. */
const MAX_KEPT_BYTES = 1 << 20;
const NO_BYTES = new Uint8Array(0);

/** Receives messages synchronously. */
export interface MessageSink {
  /** @param data holds the body in [start, end), valid during the call only */
  onMessage(type: number, messageStream: number, timestamp: number, data: Uint8Array, start: number, end: number): void;
}

/** The state of one chunk stream, §5.3. */
class ChunkStream {
  timestamp = 0;
  /** Timestamp field of the last header, in ms: absolute with fmt 0. */
  delta = 0;
  isExtended = false;
  messageBytes = 0;
  type = 0;
  messageStream = 0;
  /** Bytes received of the current message; 0: no message is open. */
  receivedBytes = 0;
  isOpen = false;
  buffer = NO_BYTES;
}

/** Reads messages from the bytes of a connection. A message that arrives in one piece is not copied. */
export class ChunkReader {
  /** Larger messages are rejected. */
  maxMessageBytes: number;
  chunkBytes = DEFAULT_CHUNK_BYTES;
  readonly #sink: MessageSink;
  readonly #streams = new Map<number, ChunkStream>();
  /** A header that is not complete yet. */
  readonly #header = new Uint8Array(3 + 11 + 4);
  #headerBytes = 0;
  /** The sender writes no extended timestamp in headers of fmt 3 (RootEncoder, old encoders), against §5.3.1.3. */
  #leavesOutExtended = false;
  /** The stream of the current chunk, and what is missing of it; 0: a header follows. */
  #current = new ChunkStream();
  #missingBytes = 0;
  /** Bytes received of messages that are not complete. */
  #openBytes = 0;
  /** Size of all message buffers. */
  #heldBytes = 0;

  constructor(sink: MessageSink, maxMessageBytes: number) {
    this.#sink = sink;
    this.maxMessageBytes = maxMessageBytes;
  }

  /** Bytes of memory for messages, complete or not. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @throws PerchError if the peer violates the protocol or a limit */
  push(data: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#missingBytes > 0) {
        at = this.#payload(data, at, end);
      } else {
        at = this.#headerAt(data, at, end);
      }
    }
  }

  setChunkBytes(bytes: number): void {
    if (bytes < 1 || bytes > 0x7fff_ffff) {
      throw new PerchError('badInput', `RTMP chunk size ${bytes}`);
    }
    this.chunkBytes = Math.min(bytes, 0xff_ffff);
  }

  /** The peer drops the rest of a message. */
  abort(chunkStream: number): void {
    const stream = this.#streams.get(chunkStream);
    if (stream?.isOpen) {
      this.#close(stream);
    }
  }

  #headerAt(data: Uint8Array, start: number, end: number): number {
    if (this.#headerBytes === 0) {
      const bytes = this.#parse(data, start, end);
      if (bytes > 0) {
        return start + bytes;
      }
    }
    // The bytes that were read end within a header.
    this.#header[this.#headerBytes] = data[start] as number;
    this.#headerBytes += 1;
    const size = this.#parse(this.#header, 0, this.#headerBytes);
    if (size > 0) {
      const payload = this.#header.slice(size, this.#headerBytes);
      this.#headerBytes = 0;
      this.push(payload, 0, payload.length);
    }
    return start + 1;
  }

  /** @returns the size of the header, 0: not complete */
  #parse(data: Uint8Array, start: number, end: number): number {
    const first = data[start] as number;
    const fmt = (first >> 6) as 0 | 1 | 2 | 3;
    let id = first & 0x3f;
    let at = start + 1;
    if (id < 2) {
      at += id + 1;
      if (at > end) {
        return 0;
      }
      id = 64 + (data[start + 1] as number) + (id === 1 ? 256 * (data[start + 2] as number) : 0);
    }
    const fields = FIELD_BYTES[fmt];
    if (at + fields > end) {
      return 0;
    }
    const known = this.#streams.get(id);
    const time = fmt === 3 ? 0 : uint24(data, at);
    const isExtended = fmt === 3 ? known !== undefined && this.#repeats(known, data, at, end) : time === EXTENDED;
    const headerEnd = at + fields + (isExtended ? 4 : 0);
    if (headerEnd > end) {
      return 0;
    }
    const stream = known ?? this.#create(id, fmt);
    if (fmt === 3) {
      if (!stream.isOpen) {
        stream.timestamp = (stream.timestamp + stream.delta) >>> 0;
      }
    } else {
      stream.isExtended = isExtended;
      this.#fields(stream, fmt, data, at, isExtended ? uint32(data, at + fields) : time);
    }
    this.#begin(stream);
    return headerEnd - start;
  }

  /** Whether a header of fmt 3 repeats the extended timestamp: other bytes are payload, as all later ones of this sender. */
  #repeats(stream: ChunkStream, data: Uint8Array, at: number, end: number): boolean {
    if (!stream.isExtended || this.#leavesOutExtended) {
      return false;
    }
    const { delta, timestamp, isOpen } = stream;
    // Some senders repeat the field, others write the time of the message.
    const isRepeated =
      hasPrefix(delta, data, at, end) || hasPrefix(isOpen ? timestamp : (timestamp + delta) >>> 0, data, at, end);
    this.#leavesOutExtended = !isRepeated;
    return isRepeated;
  }

  #fields(stream: ChunkStream, fmt: 0 | 1 | 2, data: Uint8Array, at: number, time: number): void {
    if (stream.isOpen) {
      throw new PerchError('badInput', 'RTMP message within an unfinished one on its chunk stream');
    }
    stream.delta = time;
    stream.timestamp = fmt === 0 ? time : (stream.timestamp + time) >>> 0;
    if (fmt < 2) {
      stream.messageBytes = uint24(data, at + 3);
      stream.type = data[at + 6] as number;
    }
    if (fmt === 0) {
      stream.messageStream = data[at + 7] as number;
      stream.messageStream |= ((data[at + 8] as number) << 8) | ((data[at + 9] as number) << 16);
    }
  }

  #create(id: number, fmt: number): ChunkStream {
    if (fmt !== 0 && fmt !== 1) {
      throw new PerchError('badInput', `RTMP chunk stream ${id} begins without a whole header`);
    }
    if (this.#streams.size === MAX_CHUNK_STREAMS) {
      throw new PerchError('exhausted', `more than ${MAX_CHUNK_STREAMS} RTMP chunk streams`);
    }
    const stream = new ChunkStream();
    this.#streams.set(id, stream);
    return stream;
  }

  /** The header of a chunk is read. */
  #begin(stream: ChunkStream): void {
    if (!stream.isOpen) {
      if (stream.messageBytes > this.maxMessageBytes) {
        const message = `RTMP message of ${stream.messageBytes} bytes, at most ${this.maxMessageBytes} allowed`;
        throw new PerchError('badInput', message);
      }
      stream.isOpen = true;
      stream.receivedBytes = 0;
    }
    this.#current = stream;
    this.#missingBytes = Math.min(this.chunkBytes, stream.messageBytes - stream.receivedBytes);
    if (this.#missingBytes === 0) {
      this.#deliver(stream, NO_BYTES, 0, 0);
    }
  }

  #payload(data: Uint8Array, start: number, end: number): number {
    const stream = this.#current;
    const to = Math.min(end, start + this.#missingBytes);
    const bytes = to - start;
    this.#missingBytes -= bytes;
    if (stream.receivedBytes === 0 && bytes === stream.messageBytes) {
      this.#deliver(stream, data, start, to);
      return to;
    }
    this.#append(stream, data, start, to);
    if (stream.receivedBytes === stream.messageBytes) {
      this.#deliver(stream, stream.buffer, 0, stream.messageBytes);
    }
    return to;
  }

  #append(stream: ChunkStream, data: Uint8Array, start: number, end: number): void {
    const bytes = stream.receivedBytes + end - start;
    this.#openBytes += end - start;
    // The limit is for all open messages together: a peer could begin one on each chunk stream.
    if (this.#openBytes > 2 * this.maxMessageBytes) {
      throw new PerchError('exhausted', `${this.#openBytes} bytes of unfinished RTMP messages`);
    }
    if (bytes > stream.buffer.length) {
      // The buffer grows with the bytes that arrive: the announced size may be false.
      const size = Math.min(stream.messageBytes, Math.max(2 * bytes, FIRST_BUFFER_BYTES));
      const buffer = new Uint8Array(size);
      buffer.set(stream.buffer.subarray(0, stream.receivedBytes));
      this.#heldBytes += size - stream.buffer.length;
      stream.buffer = buffer;
    }
    stream.buffer.set(data.subarray(start, end), stream.receivedBytes);
    stream.receivedBytes = bytes;
  }

  #deliver(stream: ChunkStream, data: Uint8Array, start: number, end: number): void {
    const { type, messageStream, timestamp } = stream;
    this.#close(stream);
    this.#sink.onMessage(type, messageStream, timestamp, data, start, end);
  }

  #close(stream: ChunkStream): void {
    this.#openBytes -= stream.receivedBytes;
    stream.isOpen = false;
    stream.receivedBytes = 0;
    if (this.#current === stream) {
      this.#missingBytes = 0;
    }
    if (this.#heldBytes > Math.min(MAX_KEPT_BYTES, this.maxMessageBytes)) {
      this.#heldBytes -= stream.buffer.length;
      stream.buffer = NO_BYTES;
    }
  }
}

/** Whether the first of four bytes of `value` are in `data[at, end)`, as far as that goes. */
function hasPrefix(value: number, data: Uint8Array, at: number, end: number): boolean {
  for (let i = 0; i < 4 && at + i < end; i += 1) {
    if (data[at + i] !== ((value >>> (24 - 8 * i)) & 0xff)) {
      return false;
    }
  }
  return true;
}

const uint24 = (data: Uint8Array, at: number): number =>
  ((data[at] as number) << 16) | ((data[at + 1] as number) << 8) | (data[at + 2] as number);
const uint32 = (data: Uint8Array, at: number): number => uint24(data, at) * 256 + (data[at + 3] as number);
