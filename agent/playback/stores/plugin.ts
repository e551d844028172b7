import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import {
  type GetQuery,
  type Query,
  queryDuration,
  queryFilm,
  queryFormat,
  queryPath,
  querySkipsGaps,
  querySpeed,
  queryStart,
  queryTime,
} from '../read/query.ts';
import { type MakeCors, REVALIDATE } from '../read/send-ranged.ts';
import { noteMissing } from './contract.ts';
import { sendFilm } from './film.ts';
import type { Stores } from './stores.ts';

interface PlaybackAccess {
  /** @throws PerchError if the request may not play back this path */
  require(request: FastifyRequest, action: 'playback', path: string): Promise<void>;
  /** `baseUrl`: address of this server without a final slash. */
  origin(request: FastifyRequest): { readonly baseUrl: string };
}

interface PlaybackPluginOptions {
  readonly stores: Stores;
  readonly access: PlaybackAccess;
  readonly cors: MakeCors;
}

/** `/list`, `/get` and `/film`, with or without a prefix. */
export const playbackPlugin: FastifyPluginAsync<PlaybackPluginOptions> = async (app, options) => {
  const { stores, access, cors } = options;
  app.addHook('onRequest', cors('OPTIONS, GET, HEAD', 'Authorization, Range, If-Range, If-None-Match'));

  const list = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const query = request.query as Query;
    const path = queryPath(query);
    await access.require(request, 'playback', path);
    const [start, end] = [queryTime(query, 'start'), queryTime(query, 'end')];
    const baseUrl = `${access.origin(request).baseUrl}${app.prefix}`;
    const { entries, missing } = await (await stores.of(path, request)).list(path, start, end, baseUrl);
    noteMissing(reply, missing);
    return reply.type('application/json; charset=utf-8').header('Cache-Control', REVALIDATE).send(entries);
  };

  const get = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const query = request.query as Query;
    const path = queryPath(query);
    await access.require(request, 'playback', path);
    const wanted: GetQuery = {
      path,
      startUs: queryStart(query).us,
      durationUs: queryDuration(query),
      format: queryFormat(query),
      speed: querySpeed(query),
      skipsGaps: querySkipsGaps(query),
    };
    return (await stores.of(path, request)).get(wanted, request, reply);
  };

  const film = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const wanted = queryFilm(request.query as Query);
    for (const path of wanted.paths) {
      await access.require(request, 'playback', path);
    }
    return sendFilm(stores, wanted, request, reply);
  };

  app.get('/list', list);
  // Fastify's own HEAD would report length 0.
  app.route({ method: ['GET', 'HEAD'], url: '/get', handler: get });
  app.route({ method: ['GET', 'HEAD'], url: '/film', handler: film });

  // The hook answers preflights, but only on existing routes.
  for (const url of ['/list', '/get', '/film']) {
    app.options(url, (_, reply) => reply.callNotFound());
  }
};
