import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { contentDisposition, downloadName } from './download-name.ts';
import type { Download } from './get/download.ts';
import type { GetQuery, Playback } from './playback.ts';
import {
  type Query,
  queryDuration,
  queryFormat,
  queryPath,
  querySkipsGaps,
  querySpeed,
  queryStart,
  queryText,
  queryTime,
} from './read/query.ts';
import { formatRfc3339 } from './read/rfc3339.ts';
import { REVALIDATE, sendRanged } from './read/send-ranged.ts';

/** Who may do what, and how the request has come. */
export interface PlaybackAccess {
  /** Throws when the request may not play back this path. */
  require(request: FastifyRequest, action: 'playback', path: string): Promise<void>;
  /** `baseUrl`: where the client reaches this server, without a slash at the end. */
  origin(request: FastifyRequest): { readonly baseUrl: string };
}

export interface PlaybackPluginOptions {
  readonly playback: Playback;
  /** What people call a path's camera; undefined: nothing but the path. */
  titleOf(path: string): string | undefined;
  readonly access: PlaybackAccess;
  /** Makes the hook that lets the configured origins in. */
  readonly cors: (
    methods: string,
    headers: string,
  ) => (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
}

const EXPOSED = 'Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Perch-Ends';

/** `/list` and `/get`, with or without a prefix. */
export const playbackPlugin: FastifyPluginAsync<PlaybackPluginOptions> = async (app, options) => {
  const { playback, access, cors } = options;
  app.addHook('onRequest', cors('OPTIONS, GET, HEAD', 'Authorization, Range, If-Range, If-None-Match'));

  const list = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const query = request.query as Query;
    const path = queryPath(query);
    await access.require(request, 'playback', path);
    const [start, end] = [queryTime(query, 'start'), queryTime(query, 'end')];
    const baseUrl = `${access.origin(request).baseUrl}${app.prefix}`;
    const entries = await playback.list(path, start, end, baseUrl);
    return reply.type('application/json; charset=utf-8').header('Cache-Control', REVALIDATE).send(entries);
  };

  const get = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const query = request.query as Query;
    const path = queryPath(query);
    await access.require(request, 'playback', path);
    const start = queryStart(query);
    const durationUs = queryDuration(query);
    const format = queryFormat(query);
    const skipsGaps = querySkipsGaps(query);
    const wanted: GetQuery = { path, startUs: start.us, durationUs, format, speed: querySpeed(query), skipsGaps };
    const done = new AbortController();
    reply.raw.once('close', () => done.abort());
    const answer = await playback
      .get(wanted, continuedTag(request, playback, wanted), done.signal)
      .catch(whenGone(done));
    if (!answer) {
      return reply.hijack();
    }
    if (queryText(query, 'download') !== undefined) {
      const name = downloadName(options.titleOf(path) ?? path, playback.localTime(start.us));
      reply.header('Content-Disposition', contentDisposition(name));
    }
    if (answer.end) {
      const resume = formatRfc3339({ us: answer.end.resumeUs, offsetMs: start.offsetMs });
      reply.header('Perch-Ends', `${answer.end.reason}; resume="${resume}"`);
    }
    return send(request, reply, answer);
  };

  app.get('/list', list);
  // Fastify's own HEAD would say a length of 0.
  app.route({ method: ['GET', 'HEAD'], url: '/get', handler: get });

  // Preflights are answered by the hook, which runs only where there is a route.
  for (const url of ['/list', '/get']) {
    app.options(url, (_, reply) => reply.callNotFound());
  }
};

/**
 * A player that reads on, from somewhere behind the beginning, must get bytes of the answer that it began with, though the recording
 * may have grown: browsers do not say which one that was.
 */
function continuedTag(request: FastifyRequest, playback: Playback, wanted: GetQuery): string | undefined {
  const { range } = request.headers;
  if (range === undefined || /^bytes\s*=\s*0+\s*-/i.test(range)) {
    return undefined;
  }
  const ifRange = request.headers['if-range'];
  return typeof ifRange === 'string' ? ifRange : playback.cachedEtag(wanted);
}

/** A client that has gone is no failure, and gets no answer. */
const whenGone =
  (done: AbortController) =>
  (error: unknown): undefined => {
    if (!done.signal.aborted) {
      throw error;
    }
  };

function send(request: FastifyRequest, reply: FastifyReply, { file, etag }: Download): FastifyReply {
  reply.type('video/mp4').header('Cache-Control', REVALIDATE).header('Access-Control-Expose-Headers', EXPOSED);
  return sendRanged(request, reply, file, etag);
}
