import { PerchError } from '../../base/errors.ts';
import { MAX_LINE_BYTES, parseFields, RtspHeaders } from './message.ts';

/** The HTTP heads of RTSP tunnels: RFC 9112 §2 to §5. Bodies belong to the tunnel. */
export interface HttpRequest {
  readonly kind: 'request';
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: RtspHeaders;
}

export interface HttpResponse {
  readonly kind: 'response';
  readonly status: number;
  readonly reason: string;
  readonly headers: RtspHeaders;
}

export const MAX_HTTP_HEAD_BYTES = 16_384;
/** Subprotocol of RTSP within a WebSocket (ONVIF Streaming). */
export const WEBSOCKET_SUBPROTOCOL = 'rtsp.onvif.org';

const LF = 0x0a;
const CR = 0x0d;
/** As cameras write it: `HTTP/1.1 200OK`, `HTTP/1.0  200`, `ICY 200 OK`. */
const RESPONSE_LINE = /^\s*(?:HTTP(?:\/ ?\d(?:\.\d)?)?|ICY|SHOUTCAST)[\s:]*(\d{3})(?!\d)\s*(.*)$/is;
const REQUEST_LINE = /^([A-Z]{3,16}) (\S+) HTTP\/1\.\d$/;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Collects a head from chunks. */
export class HttpHeadReader {
  #bytes = new Uint8Array(0);
  #count = 0;

  /**
   * @param length bytes in `chunk`
   * @returns the end of the head in `chunk`; -1: incomplete
   */
  push(chunk: Uint8Array, length: number): number {
    const before = this.#count;
    const taken = Math.min(length, MAX_HTTP_HEAD_BYTES - before);
    const grown = new Uint8Array(before + taken);
    grown.set(this.#bytes);
    grown.set(chunk.subarray(0, taken), before);
    this.#bytes = grown;
    this.#count = grown.length;
    const end = endOfHead(grown, Math.max(0, before - 3));
    if (end >= 0) {
      this.#bytes = grown.subarray(0, end);
      return end - before;
    }
    if (this.#count === MAX_HTTP_HEAD_BYTES) {
      throw new PerchError('badInput', `HTTP head of more than ${MAX_HTTP_HEAD_BYTES} bytes`);
    }
    return -1;
  }

  /** The collected bytes: the whole head once `push` has returned its end. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }
}

/** The offset after the blank line; -1: not received. */
function endOfHead(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    const next = bytes[at + 1] === CR ? at + 2 : at + 1;
    if (bytes[next] === LF) {
      return next + 1;
    }
  }
  return -1;
}

/** @param head including the blank line at its end */
export function parseHttpHead(head: Uint8Array): HttpRequest | HttpResponse {
  const lines = decoder.decode(head).split(/\r?\n/);
  const first = (lines[0] ?? '').trim();
  if (first.length > MAX_LINE_BYTES) {
    throw new PerchError('badInput', `HTTP line of ${first.length} characters, at most ${MAX_LINE_BYTES} allowed`);
  }
  const headers = new RtspHeaders(parseFields(lines));
  const response = RESPONSE_LINE.exec(first);
  if (response) {
    return { kind: 'response', status: Number(response[1]), reason: response[2] ?? '', headers };
  }
  const request = REQUEST_LINE.exec(first);
  if (request) {
    return { kind: 'request', method: request[1] ?? '', target: request[2] ?? '', headers };
  }
  throw new PerchError('badInput', `'${first.slice(0, 60)}' is not the first line of an HTTP message`);
}

/** The status code of the first line of a reply, or undefined if this is no HTTP. */
export function statusOf(line: string): number | undefined {
  const [, status] = RESPONSE_LINE.exec(line) ?? [];
  return status === undefined ? undefined : Number(status);
}

/** @param fields `[name, value]`; without line breaks */
export function writeHttpHead(firstLine: string, fields: readonly (readonly [string, string])[]): Uint8Array {
  const lines = [firstLine, ...fields.map(([name, value]) => `${name}: ${value}`)];
  const broken = lines.find((line) => /[\r\n]/.test(line));
  if (broken !== undefined) {
    throw new PerchError('badInput', `line break in the HTTP header '${broken.split(/[\r\n:]/, 1)[0]}'`);
  }
  return encoder.encode(`${lines.join('\r\n')}\r\n\r\n`);
}

/** Whether a comma-separated header contains this word, RFC 9110 §5.6.1. */
export function namesWord(field: string | undefined, word: string): boolean {
  return (field ?? '').split(',', 32).some((item) => item.trim().toLowerCase() === word.toLowerCase());
}
