import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { MediaFile } from '../contracts/hls-muxer.ts';
import type { PlaylistBody } from './playlist-texts.ts';

export const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
/**
 * A player that has not received a file by then cannot follow the stream, and the file is released. Applies to the
 * whole response: a client that reads a byte now and then would retain files long after they have left the list.
 */
const MAX_MS = 60_000;

export function sendText(request: FastifyRequest, reply: FastifyReply, type: string, cache: string, text: string) {
  const body = Buffer.from(text);
  reply.header('Content-Type', type).header('Content-Length', body.length).header('Cache-Control', cache);
  return request.method === 'HEAD' ? reply.send() : reply.send(body);
}

export type Head = Readonly<Record<string, string | number | string[] | undefined>>;

/** A request that Fastify no longer answers. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Response headers of the hooks; names in lower case. */
  readonly headers: Head;
}

/** The caller writes the response from here on. */
export function takeOver(request: FastifyRequest, reply: FastifyReply): Exchange {
  reply.hijack();
  return { request: request.raw, response: reply.raw, headers: reply.getHeaders() };
}

/**
 * Sends a playlist to one of hundreds of viewers. It bypasses Fastify and writes one string, so that Node sends head and body together.
 * @param mayZip the text is shared by many
 */
export function sendPlaylist(
  { request, response, headers }: Exchange,
  cache: string,
  body: PlaylistBody,
  mayZip: boolean,
): void {
  // A smaller text fits into one packet anyway.
  const isLong = body.plain.length >= 1_000;
  const isZipped = mayZip && isLong && takesGzip(request.headers['accept-encoding']);
  const bytes = isZipped ? body.gzip() : body.plain;
  response.writeHead(200, { ...headers, ...playlistHead(bytes.length, cache, isZipped, headers['vary']) });
  if (request.method === 'HEAD') {
    response.end();
  } else {
    response.end(bytes, 'latin1');
  }
}

function playlistHead(bytes: number, cache: string, isZipped: boolean, others: unknown): Head {
  const vary = others === undefined ? 'Accept-Encoding' : `${String(others)}, Accept-Encoding`;
  const head = { 'content-type': PLAYLIST_TYPE, 'content-length': bytes, 'cache-control': cache, vary };
  return isZipped ? { ...head, 'content-encoding': 'gzip' } : head;
}

/** RFC 9110 §12.5.3. */
export function takesGzip(header: string | string[] | undefined): boolean {
  return typeof header === 'string' && /(?:^|[\s,])(?:gzip|\*)(?!\s*;\s*q=0(?:\.0*)?(?:[\s,]|$))/.test(header);
}

export function vary(reply: FastifyReply, name: string): void {
  const others = reply.getHeader('Vary');
  reply.header('Vary', others === undefined ? name : `${String(others)}, ${name}`);
}

/**
 * Sends a file from memory, or one range of it, without copies.
 * @param onSent called when it is sent
 * @param longestMs timeout of the response
 */
export function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  cache: string,
  file: MediaFile,
  onSent: (bytes: number) => void,
  longestMs = MAX_MS,
): FastifyReply {
  // With If-Range a player wants a range only of a known version. Files have no validator, so it gets the whole file.
  const wanted = request.headers['if-range'] === undefined ? request.headers.range : undefined;
  const range = byteRange(wanted, file.sizeBytes);
  if (range === 'outside') {
    reply.header('Content-Range', `bytes */${file.sizeBytes}`).header('Accept-Ranges', 'bytes');
    reply.header('Content-Type', 'application/json');
    const error = `the file has ${file.sizeBytes} bytes: '${wanted?.slice(0, 40)}' lies outside`;
    return reply.code(416).send({ status: 'error', error });
  }
  writeFile(takeOver(request, reply), cache, file, onSent, range, longestMs);
  return reply;
}

/** Sends a file as `sendFile` does; any `Range` header has been read. */
export function writeFile(
  { request, response, headers }: Exchange,
  cache: string,
  file: MediaFile,
  onSent: (bytes: number) => void,
  range?: ByteRange,
  longestMs = MAX_MS,
): void {
  const bytes = range ? range.end - range.start : file.sizeBytes;
  const head: Record<string, string | number | string[] | undefined> = {
    ...headers,
    'content-type': file.type,
    'accept-ranges': 'bytes',
    'content-length': bytes,
    'cache-control': cache,
  };
  if (range) {
    head['content-range'] = `bytes ${range.start}-${range.end - 1}/${file.sizeBytes}`;
  }
  response.writeHead(range ? 206 : 200, head);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  // The client left during the wait: no event follows.
  if (request.socket.destroyed) {
    return;
  }
  const version = request.httpVersionMajor;
  const pieces = range ? slicePieces(file.pieces, range) : file.pieces;
  // A pipelined response has no socket yet.
  const socket = version === 1 && response.socket instanceof Socket ? response.socket : undefined;
  if (!socket) {
    holdWhileSending(response, file, longestMs, () => onSent(bytes));
  }
  write(response, pieces, version);
  // Usually the system accepts everything at once.
  if (socket?.writableLength === 0 && !socket.destroyed) {
    onSent(bytes);
  } else if (socket) {
    holdWhileSending(response, file, longestMs, () => onSent(bytes));
  }
}

function holdWhileSending(raw: ServerResponse, file: MediaFile, longestMs: number, onSent: () => void): void {
  file.hold();
  const late = setTimeout(() => raw.destroy(), longestMs);
  late.unref();
  let isHeld = true;
  const release = (): void => {
    if (isHeld) {
      isHeld = false;
      clearTimeout(late);
      file.release();
    }
  };
  // The system has accepted everything.
  raw.once('finish', () => {
    release();
    // HTTP/2 emits it for aborted responses as well.
    if (raw.writableEnded) {
      onSent();
    }
  });
  raw.once('close', release);
}

function write(raw: ServerResponse, pieces: readonly Uint8Array[], httpVersion: number): void {
  if (httpVersion > 1) {
    writeInTurn(raw, pieces, 0);
    return;
  }
  const last = pieces.length - 1;
  if (last > 0) {
    raw.cork();
    for (let i = 0; i < last; i += 1) {
      raw.write(pieces[i]);
    }
  }
  raw.end(pieces[last]);
  if (last > 0) {
    raw.uncork();
  }
}

/**
 * An HTTP/2 connection counts queued data as its memory and would reject other requests while a large segment waits.
 */
function writeInTurn(raw: ServerResponse, pieces: readonly Uint8Array[], first: number): void {
  const last = pieces.length - 1;
  for (let i = first; i < last; i += 1) {
    if (!raw.write(pieces[i])) {
      raw.once('drain', () => writeInTurn(raw, pieces, i + 1));
      return;
    }
  }
  raw.end(pieces[last]);
}

/** `end` is exclusive. */
interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const BYTES = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * The `Range` header, RFC 9110 §14.2. Anything but a single byte range is ignored.
 * @returns undefined for the whole file
 */
export function byteRange(header: string | undefined, sizeBytes: number): ByteRange | 'outside' | undefined {
  const [, from = '', to = ''] = BYTES.exec(header ?? '') ?? [];
  if (from === '' && to === '') {
    return undefined;
  }
  if (from === '') {
    const lastBytes = Math.min(Number(to), sizeBytes);
    return lastBytes === 0 ? 'outside' : { start: sizeBytes - lastBytes, end: sizeBytes };
  }
  const start = Number(from);
  if (to !== '' && Number(to) < start) {
    return undefined;
  }
  return start >= sizeBytes ? 'outside' : { start, end: to === '' ? sizeBytes : Math.min(Number(to) + 1, sizeBytes) };
}

/** A range as views of the pieces. */
export function slicePieces(pieces: readonly Uint8Array[], { start, end }: ByteRange): Uint8Array[] {
  const slices: Uint8Array[] = [];
  let at = 0;
  for (const piece of pieces) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, piece.length);
    if (from < to) {
      slices.push(piece.subarray(from, to));
    }
    at += piece.length;
  }
  return slices;
}
