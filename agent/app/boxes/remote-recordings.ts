import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { encodePath, type RemotePath } from '../../config/values/remote-path.ts';
import { contentDisposition, downloadName } from '../../playback/download-name.ts';
import { type ListEntry, listEntry } from '../../playback/list.ts';
import { type Query, queryStart, queryText, type TimelineRequest, timelineQuery } from '../../playback/read/query.ts';
import type { RemotePlayback, VodFile } from '../../playback/read/remote.ts';
import { formatLocalTime, formatRfc3339, type ZonedTime } from '../../playback/read/rfc3339.ts';
import { REVALIDATE } from '../../playback/read/send-ranged.ts';
import type { Timeline } from '../../playback/timeline.ts';
import { type BoxSpan, checkPlaylist, readBytes, spansOf, timelineFields } from './box-answers.ts';
import { after, type BoxAnswer, type BoxRequests, MAX_BODY_MS } from './box-requests.ts';

const MAX_LIST_BYTES = 8 << 20;
/** Perch's own stay below 40 kB. */
const MAX_TIMELINE_BYTES = 256 << 10;
/** A day in segments of two seconds has 4 MB. */
const MAX_PLAYLIST_BYTES = 16 << 20;
/** The box reads an index first. */
const MAX_MEDIA_MS = 5_000;
/** Without a byte from the box in this time, a download ends. */
const SILENT_S = 20;
/** The only parameters that the box gets: others may be credentials for this server. */
const QUERY_KEYS = ['start', 'end', 'duration', 'format', 'speed', 'gaps', 'time', 'back', 'target'];
const REQUEST_HEADERS = ['range', 'if-range', 'if-none-match'];
/** Headers of the box's answer that are passed on, and their form. */
const ANSWER_HEADERS: Readonly<Record<string, RegExp>> = {
  'content-length': /^\d{1,15}$/,
  'content-range': /^bytes (?:\d{1,15}-\d{1,15}|\*)\/\d{1,15}$/,
  'accept-ranges': /^bytes$/,
  etag: /^"[\x21\x23-\x7e]{1,100}"$/,
  'cache-control': /^private, (?:no-cache|max-age=\d{1,8}, immutable)$/,
  'perch-ends': /^[a-zA-Z]{1,32}; resume="[\dTZ:.+-]{1,40}"$/,
  'perch-time': /^[\dTZ:.+-]{1,40}$/,
};
const EXPOSED = 'Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Perch-Ends, Perch-Time';
/** Types are set here: a box must not make browsers run anything as a page of this server. */
const TYPES: Readonly<Record<VodFile['kind'], string>> = {
  playlist: 'application/vnd.apple.mpegurl',
  video: 'video/mp4',
  picture: 'image/jpeg',
};

interface RemoteRecordingsDeps {
  readonly requests: BoxRequests;
  readonly clock: Clock;
  /** Where the recordings of a path lie; undefined: here. */
  remoteOf(path: string): RemotePath | undefined;
  /** The camera's title; undefined: use the path. */
  titleOf(path: string): string | undefined;
}

/** Plays recordings where they lie: on the box that records the camera. */
export class RemoteRecordings implements Omit<RemotePlayback, 'has'> {
  readonly #deps: RemoteRecordingsDeps;

  constructor(deps: RemoteRecordingsDeps) {
    this.#deps = deps;
  }

  async list(
    path: string,
    start: ZonedTime | undefined,
    end: ZonedTime | undefined,
    baseUrl: string,
  ): Promise<ListEntry[]> {
    const spans = await this.spans(path, start, end);
    return spans.map((span) => {
      const isTrimmed = start?.us === span.startUs;
      const text = isTrimmed ? formatRfc3339(start) : formatLocalTime(span.startUs, undefined);
      return listEntry(path, text, span.durationUs, baseUrl);
    });
  }

  /** Recorded ranges, oldest first. */
  spans(path: string, start?: ZonedTime, end?: ZonedTime): Promise<readonly BoxSpan[]> {
    const remote = this.#remoteOf(path);
    const query = new URLSearchParams({ path: remote.path });
    for (const [key, time] of [['start', start] as const, ['end', end] as const]) {
      if (time) {
        query.set(key, formatRfc3339(time));
      }
    }
    return this.#deps.requests.json(remote.box, { path: '/playback/list', query }, MAX_LIST_BYTES, spansOf);
  }

  async timeline(request: TimelineRequest): Promise<Timeline> {
    const { path } = request;
    const remote = this.#remoteOf(path);
    const { from, to, resolution } = timelineQuery(request);
    const times = { from: formatRfc3339(from), to: formatRfc3339(to) };
    const query = new URLSearchParams(times);
    if (resolution !== undefined) {
      query.set('resolution', String(resolution));
    }
    const asked = { path: `/v3/timeline/${encodePath(remote.path)}`, query };
    const fields = await this.#deps.requests.json(remote.box, asked, MAX_TIMELINE_BYTES, (answer) =>
      timelineFields(answer, (to.us - from.us) / 1e6),
    );
    // The box's protected ranges are matters of its owner.
    return { path, ...times, ...fields, protected: [] };
  }

  async get(path: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const remote = this.#remoteOf(path);
    const query = request.query as Query;
    const { us } = queryStart(query);
    const answer = await this.#ask(remote, '/playback/get', new URLSearchParams({ path: remote.path }), request, reply);
    if (answer && queryText(query, 'download') !== undefined) {
      const name = downloadName(this.#deps.titleOf(path) ?? path, formatLocalTime(us, undefined));
      reply.header('Content-Disposition', contentDisposition(name));
    }
    return answer ? this.#send(remote, answer, 'video', request, reply) : reply.hijack();
  }

  async file(path: string, file: VodFile, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const remote = this.#remoteOf(path);
    const folder = `${file.isBesideLive ? '/hls' : '/playback'}/${encodePath(remote.path)}`;
    const answer = await this.#ask(remote, `${folder}/${file.name}`, new URLSearchParams(), request, reply);
    return answer ? this.#send(remote, answer, file.kind, request, reply) : reply.hijack();
  }

  /** @returns undefined if the client has left */
  async #ask(
    { box }: RemotePath,
    path: string,
    query: URLSearchParams,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<BoxAnswer | undefined> {
    for (const key of QUERY_KEYS) {
      const text = queryText(request.query as Query, key);
      if (text !== undefined) {
        query.set(key, text);
      }
    }
    const headers = Object.fromEntries(
      REQUEST_HEADERS.flatMap((name) => {
        const value = request.headers[name];
        return typeof value === 'string' ? [[name, value]] : [];
      }),
    );
    const done = new AbortController();
    reply.raw.once('close', () => done.abort());
    const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
    const asked = { method, path, query, headers, signal: done.signal, limitMs: MAX_MEDIA_MS } as const;
    try {
      return await this.#deps.requests.ask(box, asked);
    } catch (error) {
      if (done.signal.aborted) {
        return undefined;
      }
      throw error;
    }
  }

  async #send(
    { box }: RemotePath,
    answer: BoxAnswer,
    kind: VodFile['kind'],
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { status, headers, body } = answer;
    if (![200, 206, 304, 416].includes(status)) {
      body.destroy();
      throw this.#deps.requests.invalid(box, new PerchError('badInput', `status ${status}`));
    }
    reply
      .code(status)
      .type(TYPES[kind])
      .header('X-Content-Type-Options', 'nosniff')
      .header('Cache-Control', REVALIDATE)
      .header('Access-Control-Expose-Headers', EXPOSED);
    for (const [name, form] of Object.entries(ANSWER_HEADERS)) {
      const value = headers[name];
      if (typeof value === 'string' && form.test(value)) {
        reply.header(name, value);
      }
    }
    if (request.method === 'HEAD' || status === 304 || status === 416) {
      body.destroy();
      if (request.method !== 'HEAD') {
        reply.removeHeader('content-length');
      }
      return reply.send();
    }
    if (kind === 'playlist' && status === 200) {
      return reply.removeHeader('content-length').send(await this.#playlist(box, body));
    }
    return reply.send(Readable.from(withoutStalls(body, this.#deps.clock), { objectMode: false }));
  }

  /** Its addresses are relative, so that they need no change. */
  async #playlist(box: string, body: Readable): Promise<string> {
    const { clock, requests } = this.#deps;
    const inTime = after(clock, MAX_BODY_MS, () => body.destroy(new PerchError('timeout', 'no end of a playlist')));
    try {
      return checkPlaylist((await readBytes(body, MAX_PLAYLIST_BYTES)).toString());
    } catch (cause) {
      throw requests.invalid(box, cause);
    } finally {
      inTime();
      body.destroy();
    }
  }

  #remoteOf(path: string): RemotePath {
    const remote = this.#deps.remoteOf(path);
    if (!remote) {
      throw new PerchError('notFound', 'path not found', { path });
    }
    return remote;
  }
}

/** Counts only the time that the box takes, not that of a slow reader. */
async function* withoutStalls(body: Readable, clock: Clock): AsyncGenerator<Buffer> {
  let silentS = 0;
  const stop = clock.eachSecond(() => {
    silentS += 1;
    if (silentS > SILENT_S) {
      body.destroy(new PerchError('timeout', `no byte for ${SILENT_S} s`));
    }
  });
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      silentS = Number.NEGATIVE_INFINITY;
      yield chunk;
      silentS = 0;
    }
  } finally {
    stop();
    body.destroy();
  }
}
