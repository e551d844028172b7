import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Only the client may cache it, and must revalidate it before each use. */
export const REVALIDATE = 'private, no-cache';

/** A quoted entity tag that identifies content by a text. */
export const etagOf = (text: string): string =>
  `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;

/** Creates the CORS hook. */
export type MakeCors = (
  methods: string,
  headers: string,
) => (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;

/** Content that can be read in parts; `end` is exclusive. */
export interface RangedContent {
  readonly sizeBytes: number;
  read(start: number, end: number): Readable | Uint8Array;
}

/**
 * Sends everything, the requested range, or 304 (RFC 9110 §13 and §14).
 * @param etag undefined if the resource can still grow
 */
export function sendRanged(
  request: FastifyRequest,
  reply: FastifyReply,
  source: RangedContent,
  etag: string | undefined,
): FastifyReply {
  const { sizeBytes } = source;
  reply.header('Accept-Ranges', 'bytes');
  if (etag !== undefined) {
    reply.header('ETag', etag);
    if (matchesEtag(request.headers['if-none-match'], etag)) {
      return reply.code(304).send();
    }
  }
  const ifRange = request.headers['if-range'];
  // Only GET has ranges (§14.2).
  const takesRange = request.method === 'GET' && (ifRange === undefined || ifRange === etag);
  const range = takesRange ? parseRange(request.headers.range, sizeBytes) : undefined;
  if (range === 'unsatisfiable') {
    const headers = { 'Content-Range': `bytes */${sizeBytes}`, 'Cache-Control': REVALIDATE };
    return reply.code(416).headers(headers).send();
  }
  const { start, end } = range ?? { start: 0, end: sizeBytes };
  if (range) {
    reply.code(206).header('Content-Range', `bytes ${start}-${end - 1}/${sizeBytes}`);
  }
  reply.header('Content-Length', end - start);
  return request.method === 'HEAD' ? reply.send() : reply.send(source.read(start, end));
}

/** The bytes [start, end). */
interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** `Range`, RFC 9110 §14.1.2. Undefined for everything, 'unsatisfiable' if it starts beyond the end. */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes\s*=\s*(\d{0,16})\s*-\s*(\d{0,16})$/i.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) {
    return undefined;
  }
  if (match[1] === '') {
    const lastBytes = Number(match[2]);
    return lastBytes === 0 ? 'unsatisfiable' : { start: Math.max(0, sizeBytes - lastBytes), end: sizeBytes };
  }
  const start = Number(match[1]);
  const last = match[2] === '' ? sizeBytes - 1 : Number(match[2]);
  if (last < start && match[2] !== '') {
    return undefined;
  }
  return start >= sizeBytes ? 'unsatisfiable' : { start, end: Math.min(sizeBytes, last + 1) };
}

/** Whether a list of entity tags (`If-None-Match`) contains this one. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes(etag) || tags.includes('*');
}
