import { PerchError } from '../../base/errors.ts';

/*
 * WebSocket framing, RFC 6455 §5.2:
 *
 *     byte 0   FIN | RSV1-3 | opcode (4 bits)
 *     byte 1   MASK | length (7 bits; 126: 16 more bits follow, 127: 64)
 *     [4 bytes masking key, when MASK is set]
 *     payload
 *
 * Received payload is one continuous stream of bytes: tunnels ignore the borders of messages and fragments.
 */

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const FIN = 0x80;
const MASKED = 0x80;
const MAX_CONTROL_BYTES = 125;
/** Rejects implausible lengths; payload is passed on without a buffer. */
const MAX_FRAME_BYTES = 64 << 20;
/** The GUID of §1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const NO_MASK = new Uint8Array(0);

export interface WebSocketSink {
  /** Payload bytes of data frames in `chunk[start, end)`: valid during the call only. */
  onPayload(chunk: Uint8Array, start: number, end: number): void;
  /** A ping, to be answered with the same payload (a copy). */
  onPing(payload: Uint8Array): void;
  /** The peer closes; `code` is 1005 if it gave none (§7.1.5). */
  onClose(code: number): void;
}

/** Splits the bytes of a peer into frames. @throws PerchError at a protocol error: close the connection then */
export class WebSocketDecoder {
  readonly #sink: WebSocketSink;
  readonly #wantsMask: boolean;
  readonly #header = new Uint8Array(14);
  readonly #control = new Uint8Array(MAX_CONTROL_BYTES);
  readonly #mask = new Uint8Array(4);
  #headerBytes = 0;
  #opcode = -1;
  #payloadBytes = 0;
  #payloadSeen = 0;
  #isInMessage = false;
  #hasClosed = false;

  /** @param wantsMask the peer is a client: its frames must be masked, those of a server must not (§5.1) */
  constructor(sink: WebSocketSink, wantsMask: boolean) {
    this.#sink = sink;
    this.#wantsMask = wantsMask;
  }

  /** @param chunk unmasked in place */
  push(chunk: Uint8Array, length: number): void {
    let at = 0;
    while (at < length && !this.#hasClosed) {
      at = this.#opcode < 0 ? this.#readHeader(chunk, at, length) : this.#readPayload(chunk, at, length);
      if (this.#opcode >= 0 && this.#payloadSeen === this.#payloadBytes) {
        this.#endFrame();
      }
    }
  }

  #readHeader(chunk: Uint8Array, from: number, length: number): number {
    const header = this.#header;
    let at = from;
    while (at < length) {
      header[this.#headerBytes] = chunk[at] as number;
      this.#headerBytes += 1;
      at += 1;
      if (this.#headerBytes >= 2 && this.#headerBytes === headerSize(header)) {
        this.#beginFrame();
        break;
      }
    }
    return at;
  }

  #beginFrame(): void {
    const header = this.#header;
    const first = header[0] as number;
    const opcode = first & 0x0f;
    const isFinal = (first & FIN) !== 0;
    const isMasked = ((header[1] as number) & MASKED) !== 0;
    const size = this.#headerBytes;
    const payloadBytes = payloadSize(header);
    if ((first & 0x70) !== 0) {
      throw new PerchError('badInput', 'WebSocket frame with an extension that was not agreed');
    }
    if (isMasked !== this.#wantsMask) {
      throw new PerchError('badInput', `WebSocket frame ${isMasked ? 'with' : 'without'} a mask`);
    }
    if (opcode >= CLOSE) {
      checkControl(opcode, isFinal, payloadBytes);
    } else {
      this.#checkData(opcode, isFinal);
    }
    if (!(payloadBytes <= MAX_FRAME_BYTES)) {
      throw new PerchError('badInput', `WebSocket frame of ${payloadBytes} bytes, at most ${MAX_FRAME_BYTES} allowed`);
    }
    if (isMasked) {
      this.#mask.set(header.subarray(size - 4, size));
    }
    this.#opcode = opcode;
    this.#payloadBytes = payloadBytes;
    this.#payloadSeen = 0;
    this.#headerBytes = 0;
  }

  /** §5.4: a message is a first frame and its continuations; control frames may be between them. */
  #checkData(opcode: number, isFinal: boolean): void {
    const isKnown = opcode === CONTINUATION || opcode === TEXT || opcode === BINARY;
    if (!isKnown || (opcode === CONTINUATION) !== this.#isInMessage) {
      const place = this.#isInMessage ? 'within a message' : 'between messages';
      throw new PerchError('badInput', `WebSocket frame of type ${opcode} ${place}`);
    }
    this.#isInMessage = !isFinal;
  }

  #readPayload(chunk: Uint8Array, from: number, length: number): number {
    const end = Math.min(length, from + this.#payloadBytes - this.#payloadSeen);
    if (this.#wantsMask) {
      applyMask(chunk, from, end, this.#mask, this.#payloadSeen);
    }
    if (this.#opcode < CLOSE) {
      this.#sink.onPayload(chunk, from, end);
    } else {
      this.#control.set(chunk.subarray(from, end), this.#payloadSeen);
    }
    this.#payloadSeen += end - from;
    return end;
  }

  #endFrame(): void {
    const opcode = this.#opcode;
    this.#opcode = -1;
    if (opcode === PING) {
      this.#sink.onPing(this.#control.slice(0, this.#payloadBytes));
    } else if (opcode === CLOSE) {
      this.#hasClosed = true;
      const [high = 0, low = 0] = this.#control;
      this.#sink.onClose(this.#payloadBytes >= 2 ? (high << 8) | low : 1005);
    }
  }
}

function checkControl(opcode: number, isFinal: boolean, payloadBytes: number): void {
  if (opcode > PONG || !isFinal || payloadBytes > MAX_CONTROL_BYTES) {
    const message = `WebSocket control frame of type ${opcode}, ${isFinal ? '' : 'cut, '}${payloadBytes} bytes`;
    throw new PerchError('badInput', `${message}, at most ${MAX_CONTROL_BYTES} allowed`);
  }
}

function headerSize(header: Uint8Array): number {
  const second = header[1] as number;
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  return 2 + lengthBytes + ((second & MASKED) === 0 ? 0 : 4);
}

function payloadSize(header: Uint8Array): number {
  const short = (header[1] as number) & 0x7f;
  if (short < 126) {
    return short;
  }
  let size = 0;
  for (let i = 0; i < (short === 126 ? 2 : 8); i += 1) {
    // Inexact beyond 2^53, but too large in any case.
    size = size * 256 + (header[2 + i] as number);
  }
  return size;
}

/** From this length on, words take less time than bytes: 1,400 bytes a third, 16 kB a seventh. */
const MIN_WORD_BYTES = 512;

/** XORs `bytes[from, to)` with the mask (§5.3). @param phase offset of `from` in the frame's payload */
function applyMask(bytes: Uint8Array, from: number, to: number, mask: Uint8Array, phase: number): void {
  if (to - from < MIN_WORD_BYTES) {
    maskBytes(bytes, from, to, mask, phase);
    return;
  }
  const wordsFrom = from + (-(bytes.byteOffset + from) & 3);
  const count = (to - wordsFrom) >> 2;
  maskBytes(bytes, from, wordsFrom, mask, phase);
  const turned = Uint8Array.from(mask, (_, i) => mask[(phase + wordsFrom - from + i) & 3] as number);
  const [key = 0] = new Int32Array(turned.buffer);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + wordsFrom, count);
  for (let i = 0; i < count; i += 1) {
    words[i] = (words[i] as number) ^ key;
  }
  const rest = wordsFrom + 4 * count;
  maskBytes(bytes, rest, to, mask, phase + rest - from);
}

function maskBytes(bytes: Uint8Array, from: number, to: number, mask: Uint8Array, phase: number): void {
  for (let at = from; at < to; at += 1) {
    bytes[at] = (bytes[at] as number) ^ (mask[(phase + at - from) & 3] as number);
  }
}

/** The head of a server's final data frame, which is not masked. */
export function binaryHead(payloadBytes: number): Uint8Array {
  return frameHead(BINARY, payloadBytes, NO_MASK);
}

/** A whole frame of a client; the payload is copied for masking. @param mask four unpredictable bytes (§5.3) */
export function maskedBinary(payload: Uint8Array, mask: Uint8Array): Uint8Array {
  return wholeFrame(BINARY, payload, mask);
}

/** A whole text message of a server. */
export function textFrame(text: string): Uint8Array {
  return wholeFrame(TEXT, new TextEncoder().encode(text), NO_MASK);
}

/** A ping of a server, without payload. */
export function pingFrame(): Uint8Array {
  return wholeFrame(PING, NO_MASK, NO_MASK);
}

/** @param mask empty for a server */
export function pongFrame(payload: Uint8Array, mask: Uint8Array): Uint8Array {
  return wholeFrame(PONG, payload, mask);
}

/** @param mask empty for a server */
export function closeFrame(code: number, mask: Uint8Array): Uint8Array {
  return wholeFrame(CLOSE, Uint8Array.of(code >> 8, code & 0xff), mask);
}

function wholeFrame(opcode: number, payload: Uint8Array, mask: Uint8Array): Uint8Array {
  const head = frameHead(opcode, payload.length, mask);
  const frame = new Uint8Array(head.length + payload.length);
  frame.set(head);
  frame.set(payload, head.length);
  if (mask.length > 0) {
    applyMask(frame, head.length, frame.length, mask, 0);
  }
  return frame;
}

function frameHead(opcode: number, payloadBytes: number, mask: Uint8Array): Uint8Array {
  const lengthBytes = payloadBytes < 126 ? 0 : payloadBytes < 0x1_0000 ? 2 : 8;
  const head = new Uint8Array(2 + lengthBytes + mask.length);
  head[0] = FIN | opcode;
  head[1] = (mask.length > 0 ? MASKED : 0) | (lengthBytes === 0 ? payloadBytes : lengthBytes === 2 ? 126 : 127);
  let left = payloadBytes;
  for (let at = 1 + lengthBytes; at > 1; at -= 1) {
    head[at] = left % 256;
    left = Math.floor(left / 256);
  }
  head.set(mask, 2 + lengthBytes);
  return head;
}

/** Sec-WebSocket-Accept (§4.2.2). @param sha1 the hash of a text, in base64 */
export function acceptOf(key: string, sha1: (text: string) => string): string {
  return sha1(`${key}${ACCEPT_SUFFIX}`);
}
