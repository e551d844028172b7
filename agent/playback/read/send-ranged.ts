import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { matchesEtag, parseRange } from './byte-range.ts';

/** Whoever asks has to ask again whether it is still the same; and it is nobody's but theirs who may play it back. */
export const REVALIDATE = 'private, no-cache';

export interface Ranged {
  readonly sizeBytes: number;
  read(start: number, end: number): Readable | Uint8Array;
}

/**
 * Sends all of it, the range that is asked for, or that nothing has changed (RFC 9110 §13 and §14).
 * @param etag undefined: what is there can still grow
 */
export function sendRanged(
  request: FastifyRequest,
  reply: FastifyReply,
  source: Ranged,
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
  // Ranges are GET's alone (§14.2).
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
