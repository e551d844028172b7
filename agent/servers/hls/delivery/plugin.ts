import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, explain, PerchError } from '../../../base/errors.ts';
import type { Muxer } from '../muxing/muxer.ts';
import type { HlsServer } from '../server.ts';
import { LavfClients } from './lavf.ts';
import { PLAYER_PAGE } from './page.ts';
import { addressQuery, type PathRequest, parseRequest } from './request.ts';

/** Who may read what. */
export interface HttpAccess {
  /** Throws a PerchError 'unauthorized'. */
  require(request: FastifyRequest, action: 'read', path: string): Promise<void>;
}

/** Addresses are those behind the prefix and its slash, decoded. */
export interface OtherAddresses {
  takes(address: string): boolean;
  answer(address: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
}

export interface HlsPluginOptions {
  readonly server: HlsServer;
  readonly access: HttpAccess;
  /** Makes the hook that answers preflights and names allowed origins. */
  readonly cors: (
    methods: string,
    headers: string,
  ) => (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
  /** What else lies below the paths, and is answered by others. */
  readonly others?: OtherAddresses;
  /** The file of hls.js; undefined: from the package of that name. */
  readonly hlsJsFile?: string;
}

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
/** What changes, and what is private all the same when it does not. */
const ALWAYS_ASK = 'private, no-cache';
const KEEP_AN_HOUR = 'private, max-age=3600';

/** MediaMTX's HLS addresses, below any prefix: playlists and pages hold relative addresses only. */
export const hlsPlugin: FastifyPluginAsync<HlsPluginOptions> = async (app, options) => {
  const lavf = new LavfClients();
  const hlsJsFile = options.hlsJsFile ?? fileURLToPath(import.meta.resolve('hls.js/dist/hls.min.js'));

  app.addHook('onRequest', options.cors('OPTIONS, GET', 'Authorization, Range'));

  app.route({
    method: ['GET', 'HEAD', 'OPTIONS'],
    // A wildcard, because path names may contain slashes.
    url: '/*',
    handler: async (request, reply) => {
      const address = (request.params as { '*': string })['*'];
      if (options.others?.takes(address) && request.method !== 'OPTIONS') {
        return options.others.answer(address, request, reply);
      }
      const wanted = parseRequest(address);
      if (request.method === 'OPTIONS' || wanted.kind === 'nothing') {
        throw new PerchError('notFound', 'not found');
      }
      if (wanted.kind === 'library') {
        return sendLibrary(request, reply, hlsJsFile);
      }
      if (wanted.kind === 'redirect') {
        return reply.redirect(`${wanted.to}${queryOf(request.url)}`, 302);
      }
      await options.access.require(request, 'read', wanted.path);
      return answer(options.server, lavf, wanted, request, reply);
    },
  });
};

async function answer(
  server: HlsServer,
  lavf: LavfClients,
  wanted: PathRequest,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const query = addressQuery(queryOf(request.url));
  switch (wanted.kind) {
    case 'page':
      return sendText(request, reply, 'text/html; charset=utf-8', 'max-age=3600', PLAYER_PAGE);
    case 'multivariant': {
      const muxer = await openMuxer(server, wanted.path, queryOf(request.url).slice(1));
      return typeof muxer === 'string'
        ? reply.code(500).send({ status: 'error', error: muxer })
        : sendText(request, reply, PLAYLIST_TYPE, ALWAYS_ASK, muxer.multivariantPlaylist(lavf.queryOf(request, query)));
    }
    case 'media': {
      const text = found(server.find(wanted.path)?.mediaPlaylist(wanted.rendition, query));
      return sendText(request, reply, PLAYLIST_TYPE, ALWAYS_ASK, lavf.playlistFor(request, text));
    }
    case 'file':
      lavf.reads(request, wanted.file);
      return sendFile(found(server.find(wanted.path)), wanted.file, request, reply);
  }
}

/** What the path itself refuses: MediaMTX answers it with 500. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['badInput', 'timeout', 'exhausted', 'unsupported']);

/** @returns the text of a refusal, where there is no muxer */
async function openMuxer(server: HlsServer, path: string, query: string): Promise<Muxer | string> {
  try {
    return await server.open(path, query);
  } catch (error) {
    if (error instanceof PerchError && REFUSALS.has(error.code)) {
      return explain(error);
    }
    throw error;
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new PerchError('notFound', 'no such file in this stream, or no longer');
  }
  return value;
}

function sendText(request: FastifyRequest, reply: FastifyReply, type: string, cache: string, text: string) {
  const body = Buffer.from(text);
  reply.header('Content-Type', type).header('Content-Length', body.length).header('Cache-Control', cache);
  return request.method === 'HEAD' ? reply.send() : reply.send(body);
}

function sendFile(muxer: Muxer, name: string, request: FastifyRequest, reply: FastifyReply) {
  const file = found(muxer.file(name));
  reply
    .header('Content-Type', file.type)
    .header('Content-Length', file.sizeBytes)
    .header('Cache-Control', KEEP_AN_HOUR);
  return request.method === 'HEAD' ? reply.send() : reply.send(new Pieces(file.pieces, muxer));
}

async function sendLibrary(request: FastifyRequest, reply: FastifyReply, file: string) {
  const { size } = await stat(file);
  reply.header('Content-Type', 'text/javascript; charset=utf-8');
  reply.header('Content-Length', size).header('Cache-Control', 'max-age=3600');
  return request.method === 'HEAD' ? reply.send() : reply.send(createReadStream(file));
}

/** With its `?`, or empty. */
function queryOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at);
}

/** Sends a file that lies in memory in pieces, without putting them together. */
class Pieces extends Readable {
  readonly #pieces: readonly Uint8Array[];
  readonly #muxer: Muxer;
  #next = 0;

  constructor(pieces: readonly Uint8Array[], muxer: Muxer) {
    super({ highWaterMark: 1 << 18 });
    this.#pieces = pieces;
    this.#muxer = muxer;
  }

  override _read(): void {
    for (;;) {
      const piece = this.#pieces[this.#next];
      if (piece === undefined) {
        this.push(null);
        return;
      }
      this.#next += 1;
      this.#muxer.countSent(piece.length);
      if (!this.push(piece)) {
        return;
      }
    }
  }
}
