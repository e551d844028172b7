import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

/** Stands in the addresses that one ffmpeg is given, so that it is known again. */
const PARAMETER = 'lavf';
const MOST_CLIENTS = 256;
const MOST_INITS_EACH = 32;

/**
 * ffmpeg 4 to 7 (`Lavf/…`) read the init segment again at each reload of a playlist, and complain of the `moov` that they know
 * already. A client that has read an init segment is not told its address again; all others always are.
 */
export class LavfClients {
  /** By client: the init segments that it has read. The oldest client goes first. */
  readonly #inits = new Map<string, Set<string>>();

  /** @returns the query for the addresses in a multivariant playlist */
  queryOf(request: FastifyRequest, query: string): string {
    if (!isLavf(request) || clientOf(request) !== undefined) {
      return query;
    }
    const mark = `${PARAMETER}=${randomBytes(8).toString('hex')}`;
    return query === '' ? `?${mark}` : `${query}&${mark}`;
  }

  /** The client reads a file of the stream. */
  reads(request: FastifyRequest, file: string): void {
    const client = clientOf(request);
    if (client === undefined || !isLavf(request) || !file.endsWith('_init.mp4')) {
      return;
    }
    const inits = this.#inits.get(client) ?? new Set();
    if (inits.size < MOST_INITS_EACH) {
      this.#inits.set(client, inits.add(file));
    }
    const oldest = this.#inits.keys().next().value;
    if (this.#inits.size > MOST_CLIENTS && oldest !== undefined) {
      this.#inits.delete(oldest);
    }
  }

  /** The playlist as this client is to see it. What follows a discontinuity keeps its own address. */
  playlistFor(request: FastifyRequest, playlist: string): string {
    const inits = this.#inits.get(clientOf(request) ?? '');
    const [line, file = ''] = /^#EXT-X-MAP:URI="([^"?]+).*\n/m.exec(playlist) ?? [];
    return line !== undefined && inits?.has(file) ? playlist.replace(line, '') : playlist;
  }
}

const isLavf = ({ headers }: FastifyRequest): boolean => headers['user-agent']?.startsWith('Lavf/') === true;

function clientOf(request: FastifyRequest): string | undefined {
  const value = (request.query as Readonly<Record<string, unknown>>)[PARAMETER];
  return typeof value === 'string' ? value : undefined;
}
