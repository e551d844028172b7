import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { takesGzip, vary } from './send.ts';

const KEEP_AN_HOUR = 'max-age=3600';

/**
 * Sends the first of these files that exists, or the `.gz` file next to it to clients that accept gzip.
 * @returns false if none exists: the page may not be built yet
 */
export async function sendLibrary(
  request: FastifyRequest,
  reply: FastifyReply,
  files: readonly string[],
): Promise<boolean> {
  for (const file of files) {
    const plain = await factsOf(file);
    if (plain) {
      const zipped = await factsOf(`${file}.gz`);
      const takesIt = zipped !== undefined && takesGzip(request.headers['accept-encoding']);
      if (zipped) {
        vary(reply, 'Accept-Encoding');
      }
      if (takesIt) {
        reply.header('Content-Encoding', 'gzip');
      }
      send(request, reply, takesIt ? `${file}.gz` : file, takesIt ? zipped : plain);
      return true;
    }
  }
  return false;
}

const factsOf = (file: string): Promise<Stats | undefined> => stat(file).catch(() => undefined);

function send(request: FastifyRequest, reply: FastifyReply, file: string, { size, mtimeMs }: Stats): void {
  // Each encoding has its own tag (RFC 9110 §8.8.3.3).
  const tag = `"${size.toString(16)}-${Math.floor(mtimeMs).toString(16)}"`;
  reply.header('Cache-Control', KEEP_AN_HOUR).header('ETag', tag);
  if (isKnown(request.headers['if-none-match'], tag)) {
    reply.removeHeader('Content-Encoding').code(304).send();
    return;
  }
  reply.header('Content-Type', 'text/javascript; charset=utf-8').header('Content-Length', size);
  reply.send(request.method === 'HEAD' ? undefined : createReadStream(file));
}

/** RFC 9110 §13.1.2: weak comparison. */
const isKnown = (header: string | undefined, tag: string): boolean =>
  header?.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag) ?? false;
