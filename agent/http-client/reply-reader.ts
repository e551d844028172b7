import { PerchError } from '../base/errors.ts';
import { statusOf } from '../media/rtsp/http-head.ts';
import { parseFields } from '../media/rtsp/message.ts';

/** All lines of a reply's heads. */
const MAX_HEAD_BYTES = 65_536;
const FIRST_BODY_BYTES = 16_384;
const LF = 0x0a;
const CR = 0x0d;
const BLANKS = [0x20, 0x09, 0x0d, 0x0a];
const utf8 = new TextDecoder('utf-8', { fatal: true });
const latin1 = new TextDecoder('latin1');

/** By lower-case name. Values of repeated fields stay apart: joined with commas, challenges are ambiguous. */
export type HttpHeaders = Readonly<Record<string, readonly string[] | undefined>>;

export interface HttpReply {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: Buffer;
  /** The connection ended before the announced end of the body. */
  readonly isShort: boolean;
  /** More than the allowed bytes, which are left out. `bytes`: what the server announces. */
  readonly excess: { readonly bytes: number | undefined } | undefined;
}

type State = 'head' | 'counted' | 'untilClose' | 'size' | 'chunk' | 'done';

/**
 * Reads one reply of a camera or media server, RFC 9112, as generously as curl and FFmpeg do: lines end with LF alone, some are no field,
 * the reason is missing, lengths are repeated, signed or wrong, `ICY` stands for HTTP. Perch's own server parses requests strictly.
 */
export class HttpReplyReader {
  #state: State = 'head';
  #headBytes = 0;
  readonly #line = new LineReader();
  #lines: string[] = [];
  #status = 0;
  #headers: HttpHeaders = {};
  #isPersistent = false;
  #announced: number | undefined;
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0;
  readonly #maxBytes: number;
  readonly #body = new Body();
  #isShort = false;
  #isTooLarge = false;
  #hasSurplus = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** Undefined until the head has arrived. */
  get status(): number | undefined {
    return this.#state === 'head' ? undefined : this.#status;
  }

  /** Whether the connection can take another request. */
  get isReusable(): boolean {
    return this.isDone && this.#isPersistent && !this.#isShort && !this.#isTooLarge && !this.#hasSurplus;
  }

  get reply(): HttpReply {
    return {
      status: this.#status,
      headers: this.#headers,
      body: this.#isTooLarge ? Buffer.alloc(0) : this.#body.bytes,
      isShort: this.#isShort,
      excess: this.#isTooLarge ? { bytes: this.#announced } : undefined,
    };
  }

  /** @throws PerchError if this is not HTTP */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.isDone) {
      at = this.#take(bytes, at);
    }
    this.#hasSurplus ||= !isBlank(bytes.subarray(at));
  }

  /** The server has closed the connection. @returns whether there is a reply */
  end(): boolean {
    if (this.#state === 'head') {
      if (this.#lines.length === 0) {
        return false;
      }
      this.#readHead();
      this.#isShort = !this.isDone;
    } else if (this.#state !== 'done' && this.#state !== 'untilClose') {
      this.#isShort = true;
    }
    this.#state = 'done';
    return true;
  }

  #take(bytes: Uint8Array, at: number): number {
    if (this.#state === 'untilClose') {
      this.#append(bytes.subarray(at));
      return bytes.length;
    }
    if (this.#state === 'counted' || this.#state === 'chunk') {
      const end = Math.min(bytes.length, at + this.#left);
      this.#left -= end - at;
      this.#append(bytes.subarray(at, end));
      if (this.#left === 0 && !this.isDone) {
        this.#state = this.#state === 'counted' ? 'done' : 'size';
      }
      return end;
    }
    if (this.#state === 'head' && this.#headBytes === 0) {
      requireBeginning(bytes);
    }
    // A chunk's size with its extensions.
    const end = this.#line.push(bytes, at, this.#state === 'size' ? 4_096 : MAX_HEAD_BYTES);
    this.#headBytes += this.#state === 'size' ? 0 : end - at;
    if (this.#headBytes > MAX_HEAD_BYTES) {
      throw new PerchError('badInput', `HTTP head of more than ${MAX_HEAD_BYTES} bytes`);
    }
    const { line } = this.#line;
    if (line !== undefined) {
      this.#takeLine(line);
    }
    return end;
  }

  #takeLine(line: string): void {
    if (this.#state === 'size') {
      this.#readSize(line);
    } else if (line !== '') {
      if (this.#lines.length === 0 && line.trim() === '') {
        return;
      }
      if (this.#lines.length === 0 && statusOf(line) === undefined) {
        throw new PerchError('badInput', `'${line.slice(0, 60)}' is not the first line of an HTTP reply`);
      }
      this.#lines.push(line);
    } else if (this.#lines.length > 0) {
      this.#readHead();
    }
  }

  #readHead(): void {
    const [first = ''] = this.#lines;
    const status = statusOf(first) ?? 0;
    const headers: Record<string, string[]> = Object.create(null);
    for (const [name, value] of parseFields(this.#lines)) {
      headers[name.toLowerCase()] ??= [];
      headers[name.toLowerCase()]?.push(value);
    }
    this.#lines = [];
    if (status < 200 && status !== 101) {
      // RFC 9110 §15.2: the reply follows.
      return;
    }
    this.#status = status;
    this.#headers = headers;
    const connection = fieldOf(headers, 'connection')?.toLowerCase() ?? '';
    const isPersistentByDefault = /^http\/1\.1/i.test(first.trim());
    this.#isPersistent = !connection.includes('close') && (isPersistentByDefault || connection.includes('keep-alive'));
    const lengths = new Set((headers['content-length'] ?? []).map(lengthOf));
    // RFC 9112 §6.3: chunks count more than a length. Of different lengths the last one counts, as in curl.
    const length = [...lengths].at(-1);
    this.#isPersistent &&= lengths.size < 2;
    if (status === 101 || status === 204 || status === 304) {
      this.#state = 'done';
    } else if (/\bchunked\b/i.test(fieldOf(headers, 'transfer-encoding') ?? '')) {
      this.#state = 'size';
    } else if (length === undefined) {
      this.#state = 'untilClose';
    } else {
      this.#announced = length;
      this.#left = length;
      this.#isTooLarge = length > this.#maxBytes;
      this.#state = length === 0 || this.#isTooLarge ? 'done' : 'counted';
    }
  }

  /**
   * RFC 9112 §7.1: `chunk-size [ chunk-ext ]`; the line break after a chunk is taken for a blank line before the next size. The reply ends
   * with the size 0: some servers send no blank line after it.
   */
  #readSize(line: string): void {
    const text = line.trimStart();
    if (text === '') {
      return;
    }
    const [, size] = /^(?:0x)?([\da-f]{1,13})(?![\da-f])/i.exec(text) ?? [];
    if (size === undefined) {
      throw new PerchError('badInput', `'${line.slice(0, 60)}' is not the size of an HTTP chunk`);
    }
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left > 0 ? 'chunk' : 'done';
  }

  #append(bytes: Uint8Array): void {
    if (this.#body.bytes.length + bytes.length > this.#maxBytes) {
      this.#isTooLarge = true;
      this.#state = 'done';
    } else {
      this.#body.append(bytes, Math.min(this.#announced ?? this.#maxBytes, this.#maxBytes));
    }
  }
}

/** Grows with what has arrived, not with what is announced. */
class Body {
  /** A view of `#buffer`. */
  bytes = Buffer.alloc(0);
  #buffer = new Uint8Array(0);

  append(more: Uint8Array, limitBytes: number): void {
    const before = this.bytes.length;
    const needed = before + more.length;
    if (needed > this.#buffer.length) {
      const roomBytes = Math.min(limitBytes, 2 * this.#buffer.length, needed + FIRST_BODY_BYTES);
      const grown = new Uint8Array(Math.max(needed, roomBytes));
      grown.set(this.bytes);
      this.#buffer = grown;
    }
    this.#buffer.set(more, before);
    this.bytes = Buffer.from(this.#buffer.buffer, 0, needed);
  }
}

/** Bytes between two replies that belong to none. */
export const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => BLANKS.includes(byte));

/** The values of a field as one, or undefined if absent. */
export function fieldOf(headers: HttpHeaders, name: string): string | undefined {
  return headers[name]?.join(', ');
}

/** `123`, `+123`, `"123"`, `123, 123`, `123 bytes`, or undefined if the body ends with the connection. */
function lengthOf(value: string): number | undefined {
  const [, digits] = /^["+\s]*(\d+)/.exec(value) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** A device that does not speak HTTP may never end its first line. */
function requireBeginning(bytes: Uint8Array): void {
  const first = bytes.find((byte) => !BLANKS.includes(byte));
  if (first !== undefined && !'HhIiSs'.includes(String.fromCharCode(first))) {
    throw new PerchError('badInput', 'the first bytes are not those of an HTTP reply');
  }
}

/** Collects one line from chunks. */
class LineReader {
  /** Without its end, or undefined if incomplete. */
  line: string | undefined;
  #pieces: Uint8Array[] = [];
  #count = 0;

  /** @returns the offset after what belongs to the line */
  push(bytes: Uint8Array, from: number, maxBytes: number): number {
    const at = bytes.indexOf(LF, from);
    const end = at < 0 ? bytes.length : at + 1;
    this.#pieces.push(bytes.subarray(from, end));
    this.#count += end - from;
    if (this.#count > maxBytes) {
      throw new PerchError('badInput', `HTTP line of more than ${maxBytes} bytes`);
    }
    this.line = at < 0 ? undefined : this.#text();
    return end;
  }

  #text(): string {
    const whole =
      this.#pieces.length === 1 ? (this.#pieces[0] as Uint8Array) : Buffer.concat(this.#pieces, this.#count);
    this.#pieces = [];
    this.#count = 0;
    let end = whole.length;
    while (end > 0 && (whole[end - 1] === LF || whole[end - 1] === CR)) {
      end -= 1;
    }
    return decode(whole.subarray(0, end));
  }
}

/** The bytes of a digest's realm are hashed, so they are kept where they are UTF-8. */
function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return latin1.decode(bytes);
  }
}
