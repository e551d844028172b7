import { PerchError } from '../../base/errors.ts';
import {
  contentLengthOf,
  MAX_HEAD_BYTES,
  MAX_HEADERS,
  MAX_LINE_BYTES,
  parseHead,
  type RtspMessage,
} from './message.ts';

/** Receives the frames and messages of a framer. */
export interface FramerSink {
  /**
   * One interleaved frame (RFC 2326 §10.12): its payload is `chunk[start, end)`.
   * @param chunk the pushed chunk or the framer's buffer: valid during the call only
   */
  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void;
  /** A whole message, with its own copies. */
  onMessage(message: RtspMessage): void;
}

const DOLLAR = 0x24;
const LF = 0x0a;
const SPACE = 0x20;
const SLASH = 0x2f;
const FRAME_HEADER_BYTES = 4;
const MAX_JUNK_BYTES = 1 << 20;
/** Limit of the bytes received while held: a chunk in flight and some more. */
const MAX_HELD_BYTES = 1 << 20;
const RTSP_WORD = 'RTSP';

/**
 * Splits the bytes of an RTSP connection into interleaved frames and messages, RFC 2326 §10.12.
 * A frame within a chunk is passed in place; only a unit across chunks is copied.
 * Junk between units is skipped up to the next plausible unit.
 * @throws PerchError beyond a limit or at an invalid message: close the connection then
 */
export class RtspFramer {
  /** Bytes outside of frames and messages, except blanks between units. */
  junkBytes = 0;
  #junkRun = 0;
  readonly #sink: FramerSink;
  #pending = new Uint8Array(0);
  #pendingBytes = 0;
  /** Size of the unit at the start of `#pending`; 0: unknown. */
  #unitBytes = 0;
  /** No message begins before this offset, so junk made of words is scanned once. */
  #noMessageBefore = 0;
  #isHeld = false;

  constructor(sink: FramerSink) {
    this.#sink = sink;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** A message or frame is incomplete. */
  get isWithinUnit(): boolean {
    return this.#pendingBytes > 0;
  }

  /** Bytes allocated for an incomplete unit. */
  get keptBytes(): number {
    return this.#pending.length;
  }

  /** Keeps all units from the next one on. The sink may call it. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Passes on the kept units until the sink holds again. @throws like `push` */
  release(): void {
    this.#isHeld = false;
    this.#consumePending();
  }

  /** @param length bytes in `chunk`, which may be reused after the call */
  push(chunk: Uint8Array, length: number): void {
    let at = 0;
    while (at < length && this.#pendingBytes > 0 && !this.#isHeld) {
      at = this.#fill(chunk, at, length);
    }
    if (at === length) {
      return;
    }
    at = this.#consume(chunk, at, length);
    if (at < length) {
      this.#append(chunk, at, length);
    }
    if (this.#isHeld && this.#pendingBytes > MAX_HELD_BYTES) {
      throw new PerchError('badInput', `more than ${MAX_HELD_BYTES} bytes while nothing is taken`);
    }
  }

  /** Passes on all complete units of `bytes[at, length)`. @returns the offset of the first incomplete one */
  #consume(bytes: Uint8Array, from: number, length: number): number {
    let at = from;
    this.#unitBytes = 0;
    this.#noMessageBefore = 0;
    while (at < length && !this.#isHeld) {
      if (bytes[at] !== DOLLAR) {
        const next = this.#consumeText(bytes, at, length);
        if (next === at) {
          return at;
        }
        at = next;
        continue;
      }
      if (length - at < this.#headerBytes()) {
        return at;
      }
      if (this.#junkRun > 0 && !mayBeginUnit(bytes, at, length)) {
        at = this.#skipJunk(bytes, at, length);
        continue;
      }
      const start = at + FRAME_HEADER_BYTES;
      const end = start + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
      if (end > length) {
        this.#unitBytes = end - at;
        return at;
      }
      this.#junkRun = 0;
      this.#sink.onFrame(bytes, bytes[at + 1] as number, start, end);
      at = end;
    }
    return at;
  }

  /** One message, blanks or junk at `at`. @returns the offset after it; `at`: incomplete */
  #consumeText(bytes: Uint8Array, at: number, length: number): number {
    if (isBlank(bytes[at] as number)) {
      return at + 1;
    }
    const start = at < this.#noMessageBefore ? 'no' : messageStart(bytes, at, length);
    if (start === 'no') {
      return this.#skipJunk(bytes, at, length);
    }
    const found = start === 'yes' ? bytes.indexOf(LF, at) : -1;
    const isWhole = found >= 0 && found < length;
    const lineEnd = isWhole ? found : length;
    if (lineEnd - at > MAX_LINE_BYTES) {
      this.#noMessageBefore = lineEnd - MAX_LINE_BYTES;
      return this.#skipJunk(bytes, at, length);
    }
    if (!isWhole) {
      return at;
    }
    if (!endsWithVersion(bytes, at, lineEnd)) {
      this.#noMessageBefore = lineEnd;
      return this.#skipJunk(bytes, at, length);
    }
    const headEnd = endOfHead(bytes, lineEnd + 1, length, at);
    if (headEnd < 0) {
      return at;
    }
    const message = parseHead(bytes.subarray(at, headEnd));
    const end = headEnd + contentLengthOf(message);
    if (end > length) {
      this.#unitBytes = end - at;
      return at;
    }
    this.#junkRun = 0;
    this.#sink.onMessage(end === headEnd ? message : { ...message, body: bytes.slice(headEnd, end) });
    return end;
  }

  #skipJunk(bytes: Uint8Array, from: number, length: number): number {
    let at = from + 1;
    while (at < length && !((at >= this.#noMessageBefore || bytes[at] === DOLLAR) && mayBeginUnit(bytes, at, length))) {
      at += 1;
    }
    this.junkBytes += at - from;
    this.#junkRun += at - from;
    if (this.#junkRun > MAX_JUNK_BYTES) {
      throw new PerchError('badInput', `more than ${MAX_JUNK_BYTES} bytes that are not RTSP`);
    }
    return at;
  }

  /** Appends to the incomplete unit the bytes that certainly belong to it, and consumes it when complete. */
  #fill(chunk: Uint8Array, at: number, length: number): number {
    const end = Math.min(length, at + this.#missingBytes(chunk, at, length));
    this.#append(chunk, at, end);
    if (this.#unitBytes > this.#pendingBytes) {
      return end;
    }
    this.#consumePending();
    return end;
  }

  #consumePending(): void {
    const used = this.#consume(this.#pending, 0, this.#pendingBytes);
    this.#pending.copyWithin(0, used, this.#pendingBytes);
    this.#pendingBytes -= used;
  }

  #missingBytes(chunk: Uint8Array, at: number, length: number): number {
    if (this.#unitBytes > 0) {
      return this.#unitBytes - this.#pendingBytes;
    }
    if (this.#pending[0] === DOLLAR) {
      return this.#headerBytes() - this.#pendingBytes;
    }
    // A message grows line by line, so that what follows it stays in the chunk.
    const lineEnd = chunk.indexOf(LF, at);
    return lineEnd < 0 || lineEnd >= length ? length - at : lineEnd + 1 - at;
  }

  /** After junk, the first payload byte is needed too, to recognise a frame. */
  #headerBytes(): number {
    return this.#junkRun > 0 ? FRAME_HEADER_BYTES + 1 : FRAME_HEADER_BYTES;
  }

  #append(bytes: Uint8Array, from: number, to: number): void {
    const size = this.#pendingBytes + to - from;
    if (size > this.#pending.length) {
      const grown = new Uint8Array(Math.max(this.#unitBytes, size, 2 * this.#pendingBytes));
      grown.set(this.#pending.subarray(0, this.#pendingBytes));
      this.#pending = grown;
    }
    this.#pending.set(bytes.subarray(from, to), this.#pendingBytes);
    this.#pendingBytes = size;
  }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === 0x0d || byte === 0x09 || byte === 0;
}

/** Whether a request (`METHOD `) or a response (`RTSP/`) begins here. */
function messageStart(bytes: Uint8Array, from: number, length: number): 'yes' | 'no' | 'more' {
  for (let at = from; at < length; at += 1) {
    const byte = bytes[at] as number;
    const isUpper = (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f;
    // Longer than every method: a server answers unknown methods with 501.
    if (isUpper && at - from < 24) {
      continue;
    }
    if (byte === SPACE) {
      return at - from >= 3 ? 'yes' : 'no';
    }
    return byte === SLASH && isRtspWord(bytes, from, at) ? 'yes' : 'no';
  }
  return 'more';
}

function isRtspWord(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== RTSP_WORD.length) {
    return false;
  }
  for (let i = 0; i < RTSP_WORD.length; i += 1) {
    if (bytes[from + i] !== RTSP_WORD.charCodeAt(i)) {
      return false;
    }
  }
  return true;
}

/** After junk, a frame must be long enough and hold RTP or RTCP of version 2 (RFC 3550 §5.1). */
function mayBeginUnit(bytes: Uint8Array, at: number, length: number): boolean {
  if (bytes[at] !== DOLLAR) {
    return messageStart(bytes, at, length) !== 'no';
  }
  if (length - at <= FRAME_HEADER_BYTES) {
    return true;
  }
  const size = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  // The shortest RTCP packet: after junk, shorter frames are ignored.
  return size >= 8 && (bytes[at + 4] as number) >> 6 === 2;
}

/** A request's first line ends with `RTSP/1.0`, a response's begins with it. */
function endsWithVersion(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at + RTSP_WORD.length < to; at += 1) {
    if (bytes[at + RTSP_WORD.length] === SLASH && isRtspWord(bytes, at, at + RTSP_WORD.length)) {
      return true;
    }
  }
  return false;
}

/** The offset after the blank line; -1: not received. */
function endOfHead(bytes: Uint8Array, from: number, length: number, headStart: number): number {
  let lineStart = from;
  for (let lines = 0; lineStart < length; lines += 1) {
    const lineEnd = bytes.indexOf(LF, lineStart);
    const isWhole = lineEnd >= 0 && lineEnd < length;
    const end = isWhole ? lineEnd : length;
    if (end - lineStart > MAX_LINE_BYTES || end - headStart > MAX_HEAD_BYTES || lines > 2 * MAX_HEADERS) {
      throw new PerchError(
        'badInput',
        `RTSP head beyond ${MAX_LINE_BYTES} bytes in a line or ${MAX_HEAD_BYTES} in all`,
      );
    }
    if (!isWhole) {
      return -1;
    }
    if (lineEnd === lineStart || (lineEnd === lineStart + 1 && bytes[lineStart] === 0x0d)) {
      return lineEnd + 1;
    }
    lineStart = lineEnd + 1;
  }
  return -1;
}
