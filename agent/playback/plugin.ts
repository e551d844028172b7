import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { namesTag, parseRange } from './byte-range.ts';
import type { Answer } from './get.ts';
import type { GetQuery, Playback } from './playback.ts';
import { type Query, queryDuration, queryFormat, queryPath, queryStart, queryText, queryTime } from './query.ts';

/** Who may do what, and how the request has come. */
export interface PlaybackAccess {
  /** Throws when the request may not play back this path. */
  require(request: FastifyRequest, action: 'playback', path: string): Promise<void>;
  origin(request: FastifyRequest): { readonly isSecure: boolean };
}

export interface PlaybackPluginOptions {
  readonly playback: Playback;
  readonly access: PlaybackAccess;
  /** Makes the hook that lets the configured origins in. */
  readonly cors: (
    methods: string,
    headers: string,
  ) => (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
}

const EXPOSED = 'Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag';

/** `/list` and `/get`, with or without a prefix. */
export const playbackPlugin: FastifyPluginAsync<PlaybackPluginOptions> = async (app, { playback, access, cors }) => {
  app.addHook('onRequest', cors('OPTIONS, GET, HEAD', 'Authorization, Range, If-Range'));

  const list = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const query = request.query as Query;
    const path = queryPath(query);
    await access.require(request, 'playback', path);
    const [start, end] = [queryTime(query, 'start'), queryTime(query, 'end')];
    const scheme = access.origin(request).isSecure ? 'https' : 'http';
    const baseUrl = `${scheme}://${request.headers.host ?? 'localhost'}${app.prefix}`;
    const entries = await playback.list(path, start, end, baseUrl);
    return reply.type('application/json; charset=utf-8').send(entries);
  };

  const get = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const query = request.query as Query;
    const path = queryPath(query);
    await access.require(request, 'playback', path);
    const start = queryStart(query);
    const durationUs = queryDuration(query);
    const wanted: GetQuery = { path, startUs: start.us, durationUs, format: queryFormat(query) };
    const answer = await playback.get(wanted, continuedTag(request, playback, wanted));
    const isDownload = queryText(query, 'download') !== undefined;
    return send(request, reply, answer, isDownload ? downloadName(path, queryText(query, 'start') ?? '') : undefined);
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
  return typeof ifRange === 'string' ? ifRange : playback.keptTag(wanted);
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: Answer,
  fileName: string | undefined,
): FastifyReply {
  const { file, etag } = answer;
  reply
    .type('video/mp4')
    .header('Accept-Ranges', 'bytes')
    .header('ETag', etag)
    .header('Access-Control-Expose-Headers', EXPOSED);
  if (fileName !== undefined) {
    reply.header('Content-Disposition', `attachment; filename="${fileName}"`);
  }
  if (namesTag(request.headers['if-none-match'], etag)) {
    return reply.code(304).send();
  }
  const ifRange = request.headers['if-range'];
  const isCurrent = ifRange === undefined || ifRange === etag;
  const range = isCurrent ? parseRange(request.headers.range, file.sizeBytes) : undefined;
  if (range === 'unsatisfiable') {
    return reply.code(416).header('Content-Range', `bytes */${file.sizeBytes}`).send();
  }
  const { start, end } = range ?? { start: 0, end: file.sizeBytes };
  if (range) {
    reply.code(206).header('Content-Range', `bytes ${start}-${end - 1}/${file.sizeBytes}`);
  }
  reply.header('Content-Length', end - start);
  return request.method === 'HEAD' ? reply.send() : reply.send(file.read(start, end));
}

/** Characters that every file system takes. */
function downloadName(path: string, start: string): string {
  return `${path.replaceAll('/', '_')}_${start.slice(0, 19).replace(/[^0-9T-]/g, '-')}.mp4`;
}
