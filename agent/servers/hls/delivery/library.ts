import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { takesGzip, vary } from './send.ts';

const KEEP_AN_HOUR = 'max-age=3600';

/**
 * Sends a script out of the first of these files that is there. One that lies beside it with `.gz` behind its name, as the build leaves it,
 * goes in its place to whoever takes it: hls.js is a third of itself then.
 * @returns false when none is there: the page may not be built yet
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
  // Each form has its own (RFC 9110 §8.8.3.3): their sizes differ.
  const tag = `"${size.toString(16)}-${Math.floor(mtimeMs).toString(16)}"`;
  reply.header('Cache-Control', KEEP_AN_HOUR).header('ETag', tag);
  if (isKnown(request.headers['if-none-match'], tag)) {
    reply.removeHeader('Content-Encoding').code(304).send();
    return;
  }
  reply.header('Content-Type', 'text/javascript; charset=utf-8').header('Content-Length', size);
  reply.send(request.method === 'HEAD' ? undefined : createReadStream(file));
}

/** RFC 9110 §13.1.2: by weak comparison. */
const isKnown = (header: string | undefined, tag: string): boolean =>
  header?.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag) ?? false;
