import { PerchError } from '../../base/errors.ts';

/** Limits of one RTSP message, far above real ones; the longest lines are Authorization headers and URLs with tokens. */
export const MAX_LINE_BYTES = 8_192;
export const MAX_HEAD_BYTES = 32_768;
export const MAX_HEADERS = 100;
/** An SDP of many tracks is below 10 kB. */
export const MAX_BODY_BYTES = 131_072;

export type HeaderField = readonly [name: string, value: string];

/** Announces support for tracks that the client sends (ONVIF Streaming §5.3.1). */
export const REQUIRE_BACK_CHANNEL = ['Require', 'www.onvif.org/ver20/backchannel'] as const;

/** Header fields in order; names ignore case (RFC 2326 §4.2). */
export class RtspHeaders {
  readonly fields: readonly HeaderField[];

  constructor(fields: readonly HeaderField[]) {
    this.fields = fields;
  }

  /** The first field of this name. */
  get(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.fields.find(([key]) => key.toLowerCase() === wanted)?.[1];
  }

  /** Every field of this name: WWW-Authenticate comes once per scheme. */
  all(name: string): readonly string[] {
    const wanted = name.toLowerCase();
    return this.fields.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
  }
}

export interface RtspRequest {
  readonly kind: 'request';
  readonly method: string;
  readonly uri: string;
  readonly headers: RtspHeaders;
  readonly body: Uint8Array;
}

export interface RtspResponse {
  readonly kind: 'response';
  readonly status: number;
  readonly reason: string;
  readonly headers: RtspHeaders;
  readonly body: Uint8Array;
}

export type RtspMessage = RtspRequest | RtspResponse;

// Without the flag `s`, a line separator (U+2028) makes the match backtrack over every blank before it.
const RESPONSE_LINE = /^RTSP\/\d\.\d\s+(\d{3})(?:\s+(.*))?$/s;
const REQUEST_LINE = /^([A-Z_]+)\s+(\S+)\s+RTSP\/\d\.\d$/;
const NO_BODY = new Uint8Array(0);
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Parses a message without its body: `body` is empty. @throws PerchError badInput if the first line is invalid
 * @param head including the blank line at its end
 */
export function parseHead(head: Uint8Array): RtspMessage {
  const lines = decoder.decode(head).split(/\r?\n/);
  const first = (lines[0] ?? '').trim();
  const headers = new RtspHeaders(parseFields(lines));
  const response = RESPONSE_LINE.exec(first);
  if (response) {
    return {
      kind: 'response',
      status: Number(response[1]),
      reason: response[2]?.trim() ?? '',
      headers,
      body: NO_BODY,
    };
  }
  const request = REQUEST_LINE.exec(first);
  if (request) {
    return { kind: 'request', method: request[1] ?? '', uri: request[2] ?? '', headers, body: NO_BODY };
  }
  throw new PerchError('badInput', `'${first.slice(0, 60)}' is not the first line of an RTSP message`);
}

/** Header fields of all lines but the first, in the syntax of RTSP and HTTP. */
export function parseFields(lines: readonly string[]): HeaderField[] {
  const fields: HeaderField[] = [];
  for (const line of lines.slice(1)) {
    const last = fields.at(-1);
    if (/^[ \t]+\S/.test(line) && last) {
      // A folded line continues the previous value (RFC 2822 §2.2.3).
      fields[fields.length - 1] = [last[0], `${last[1]} ${line.trim()}`];
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0) {
      continue;
    }
    if (fields.length >= MAX_HEADERS) {
      throw new PerchError('badInput', `RTSP message with more than ${MAX_HEADERS} headers`);
    }
    // Longse cameras end values with blanks.
    fields.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return fields;
}

/** Size of the body in bytes. */
export function contentLengthOf(message: RtspMessage): number {
  const text = message.headers.get('Content-Length');
  if (text === undefined || text === '') {
    return 0;
  }
  const bytes = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(bytes <= MAX_BODY_BYTES)) {
    throw new PerchError('badInput', `Content-Length '${text.slice(0, 20)}', at most ${MAX_BODY_BYTES} allowed`);
  }
  return bytes;
}

/** The CSeq, or undefined if missing or invalid. */
export function cseqOf(message: RtspMessage): number | undefined {
  const text = message.headers.get('CSeq') ?? '';
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** The body as text: SDP and parameters. */
export function bodyText(message: RtspMessage): string {
  return decoder.decode(message.body);
}

/** Adds Content-Length for a body; the caller sets CSeq and Session. @throws PerchError if a header has a line break */
export function writeRequest(
  method: string,
  uri: string,
  headers: readonly HeaderField[],
  body: Uint8Array = NO_BODY,
): Uint8Array {
  return writeMessage(`${method} ${uri} RTSP/1.0`, headers, body);
}

/** Adds Content-Length for a body; the caller sets CSeq and Session. @throws PerchError if a header has a line break */
export function writeResponse(
  status: number,
  headers: readonly HeaderField[],
  body: Uint8Array = NO_BODY,
  reason: string = REASONS[status] ?? 'Unknown',
): Uint8Array {
  return writeMessage(`RTSP/1.0 ${status} ${reason}`, headers, body);
}

function writeMessage(firstLine: string, headers: readonly HeaderField[], body: Uint8Array): Uint8Array {
  const lines = [firstLine, ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (body.length > 0) {
    lines.push(`Content-Length: ${body.length}`);
  }
  const broken = lines.find((line) => /[\r\n]/.test(line));
  if (broken !== undefined) {
    // A line break in a header value would inject a request.
    throw new PerchError('badInput', `line break in the RTSP header '${broken.split(/[\r\n:]/, 1)[0]}'`);
  }
  const head = encoder.encode(`${lines.join('\r\n')}\r\n\r\n`);
  const message = new Uint8Array(head.length + body.length);
  message.set(head);
  message.set(body, head.length);
  return message;
}

/** RFC 2326 §7.1.1. */
const REASONS: Record<number, string> = {
  200: 'OK',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  451: 'Parameter Not Understood',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid In This State',
  457: 'Invalid Range',
  459: 'Aggregate Operation Not Allowed',
  461: 'Unsupported Transport',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'RTSP Version Not Supported',
  551: 'Option Not Supported',
};
