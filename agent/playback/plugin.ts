import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { contentDisposition, downloadName } from './download-name.ts';
import { sendFilm } from './film.ts';
import type { Download, GetQuery } from './get/download.ts';
import type { Playback } from './playback.ts';
import {
  type Query,
  queryDuration,
  queryFilm,
  queryFormat,
  queryPath,
  querySkipsGaps,
  querySpeed,
  queryStart,
  queryText,
  queryTime,
} from './read/query.ts';
import { type GetPart, noteMissing, type RemotePlayback } from './read/remote.ts';
import { formatRfc3339 } from './read/rfc3339.ts';
import { type MakeCors, REVALIDATE, sendRanged } from './read/send-ranged.ts';

interface PlaybackAccess {
  /** @throws PerchError if the request may not play back this path */
  require(request: FastifyRequest, action: 'playback', path: string): Promise<void>;
  /** `baseUrl`: address of this server without a final slash. */
  origin(request: FastifyRequest): { readonly baseUrl: string };
}

interface PlaybackPluginOptions {
  readonly playback: Playback;
  readonly remote?: RemotePlayback;
  /** The camera's title; undefined: use the path. */
  titleOf(path: string): string | undefined;
  readonly access: PlaybackAccess;
  readonly cors: MakeCors;
}

const EXPOSED = 'Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Perch-Ends, Perch-Missing';

/** `/list`, `/get` and `/film`, with or without a prefix. */
export const playbackPlugin: FastifyPluginAsync<PlaybackPluginOptions> = async (app, options) => {
  const { playback, remote, access, cors } = options;
  app.addHook('onRequest', cors('OPTIONS, GET, HEAD', 'Authorization, Range, If-Range, If-None-Match'));

  const list = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const query = request.query as Query;
    const path = queryPath(query);
    await access.require(request, 'playback', path);
    const [start, end] = [queryTime(query, 'start'), queryTime(query, 'end')];
    const baseUrl = `${access.origin(request).baseUrl}${app.prefix}`;
    const joined = remote?.has(path, request) ? await remote.list(path, start, end, baseUrl) : undefined;
    const entries = joined?.entries ?? (await playback.list(path, start, end, baseUrl));
    noteMissing(reply, joined?.missing);
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
    const download = { wanted, offsetMs: start.offsetMs, title: options.titleOf(path) ?? path };
    const here = (part?: GetPart) => sendDownload(playback, { ...download, part }, request, reply);
    return remote?.has(path, request) ? remote.get(wanted, request, reply, here) : here();
  };

  const film = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const wanted = queryFilm(request.query as Query);
    for (const path of wanted.paths) {
      await access.require(request, 'playback', path);
    }
    return sendFilm({ playback, remote, titleOf: options.titleOf }, wanted, request, reply);
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

interface SentDownload {
  readonly wanted: GetQuery;
  /** UTC offset of times in the response. */
  readonly offsetMs: number;
  /** Title of the camera, for the file name. */
  readonly title: string;
  readonly part?: GetPart | undefined;
}

/** Sends a download, with a file name if the request asks for one with `download`. */
export async function sendDownload(
  playback: Playback,
  { wanted: whole, offsetMs, title, part }: SentDownload,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { ending, others } = part ?? {};
  const wanted = { ...whole, ...(ending && { durationUs: ending.durationUs }), others };
  const done = new AbortController();
  reply.raw.once('close', () => done.abort());
  const answer = await playback.get(wanted, continuedTag(request, playback, wanted), done.signal).catch(whenGone(done));
  if (!answer) {
    return reply.hijack();
  }
  if (queryText(request.query as Query, 'download') !== undefined) {
    const name = downloadName(title, playback.localTime(wanted.startUs));
    reply.header('Content-Disposition', contentDisposition(name));
  }
  noteEnd(reply, answer.end ?? (ending && { reason: 'other-box', resumeUs: ending.resumeUs }), offsetMs);
  return send(request, reply, answer);
}

/** Sets the header that says why a download has less than was requested, and where the rest begins. */
export function noteEnd(
  reply: FastifyReply,
  end: { readonly reason: string; readonly resumeUs: number } | undefined,
  offsetMs: number,
): void {
  if (end) {
    reply.header('Perch-Ends', `${end.reason}; resume="${formatRfc3339({ us: end.resumeUs, offsetMs })}"`);
  }
}

/** Entity tag of the download that a player continues: it needs the same bytes although the recording grows. Browsers do not send the tag. */
function continuedTag(request: FastifyRequest, playback: Playback, wanted: GetQuery): string | undefined {
  const { range } = request.headers;
  if (range === undefined || /^bytes\s*=\s*0+\s*-/i.test(range)) {
    return undefined;
  }
  const ifRange = request.headers['if-range'];
  return typeof ifRange === 'string' ? ifRange : playback.cachedEtag(wanted);
}

/** A disconnected client is not a failure and gets no response. */
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
