import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { encodePath, type RemotePath } from '../../../config/values/remote-path.ts';
import { contentDisposition, downloadName } from '../../../playback/download-name.ts';
import {
  type Query,
  queryStart,
  queryText,
  type TimelineRequest,
  timelineQuery,
} from '../../../playback/read/query.ts';
import { formatLocalTime, formatRfc3339, parseRfc3339, type ZonedTime } from '../../../playback/read/rfc3339.ts';
import { REVALIDATE } from '../../../playback/read/send-ranged.ts';
import type { StoredPart } from '../../../playback/read/stored-part.ts';
import type {
  DownloadPart,
  RecordingStore,
  StoredSpan,
  StoredTimeline,
  WantedRange,
} from '../../../playback/stores/contract.ts';
import { noteEnd } from '../../../playback/stores/send-download.ts';
import { PLAYLISTS } from '../../../playback/vod/recorded-streams.ts';
import type { VodFile } from '../../../playback/vod/vod-address.ts';
import { checkPlaylist, spansOf, timelineFields } from '../requests/box-answers.ts';
import { type BoxAnswer, type BoxRequests, MAX_ANSWER_MS, MAX_JSON_BYTES } from '../requests/box-requests.ts';
import { remotePart } from './remote-file.ts';

/** Width of pictures for notifications and MQTT, in pixels. */
const PICTURE_WIDTH = 640;
/** Time limit for the head of the answer: the box reads an index first. */
const MAX_MEDIA_MS = 5_000;
/** A download ends if no byte comes from the box in this time. */
const SILENT_S = 20;
/** The only parameters that the box gets: others may be credentials for this server. */
const QUERY_KEYS = ['start', 'end', 'duration', 'format', 'speed', 'gaps', 'time', 'width', 'exact', 'back', 'target'];
const REQUEST_HEADERS = ['range', 'if-range', 'if-none-match'];
/** Headers of the box's answer that are passed on, and their form. */
const ANSWER_HEADERS: Readonly<Record<string, RegExp>> = {
  'content-length': /^\d{1,15}$/,
  'content-range': /^bytes (?:\d{1,15}-\d{1,15}|\*)\/\d{1,15}$/,
  'accept-ranges': /^bytes$/,
  etag: /^"[\x21\x23-\x7e]{1,100}"$/,
  'cache-control': /^private, (?:no-cache|max-age=\d{1,8}, immutable)$/,
  'perch-ends': /^[a-z-]{1,32}; resume="[\dTZ:.+-]{1,40}"$/,
  'perch-picture': /^[a-z-]{1,32}$/,
  'perch-time': /^[\dTZ:.+-]{1,40}$/,
};
const EXPOSED =
  'Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Perch-Ends, Perch-Missing, Perch-Time';
/** Types are set here: a box must not make browsers run anything as a page of this server. */
const TYPES = { playlist: 'application/vnd.apple.mpegurl', video: 'video/mp4', picture: 'image/jpeg' };

interface RemoteDownload {
  readonly sizeBytes: number;
  readonly chunks: AsyncIterable<Buffer>;
}

interface RemoteRecordingsDeps {
  readonly requests: BoxRequests;
  readonly clock: Clock;
  /** Where the recordings of a path lie, or undefined if on this box. */
  remoteOf(path: string): RemotePath | undefined;
  /** The camera's title, or undefined to use the path. */
  titleOf(path: string): string | undefined;
}

/** Plays recordings from the box that records the camera. */
export class RemoteRecordings implements RecordingStore {
  readonly #deps: RemoteRecordingsDeps;

  constructor(deps: RemoteRecordingsDeps) {
    this.#deps = deps;
  }

  spans(path: string, start?: ZonedTime, end?: ZonedTime, bodyMs?: number): Promise<readonly StoredSpan[]> {
    const remote = this.#remoteOf(path);
    const query = new URLSearchParams({ path: remote.path });
    for (const [key, time] of [['start', start] as const, ['end', end] as const]) {
      if (time) {
        query.set(key, formatRfc3339(time));
      }
    }
    const asked = { path: '/playback/list', query, ...(bodyMs !== undefined && { bodyMs }) };
    return this.#deps.requests.json(remote.box, asked, 8 << 20, spansOf);
  }

  async timeline(request: TimelineRequest): Promise<StoredTimeline> {
    const { path } = request;
    const remote = this.#remoteOf(path);
    const { from, to, resolution } = timelineQuery(request);
    const times = { from: formatRfc3339(from), to: formatRfc3339(to) };
    const query = new URLSearchParams(times);
    if (resolution !== undefined) {
      query.set('resolution', String(resolution));
    }
    const asked = { path: `/v3/timeline/${encodePath(remote.path)}`, query, bodyMs: MAX_ANSWER_MS };
    return this.#deps.requests.json(remote.box, asked, MAX_JSON_BYTES, (answer) =>
      timelineFields(answer, (to.us - from.us) / 1e6),
    );
  }

  async get(
    { path, startUs, durationUs }: WantedRange,
    request: FastifyRequest,
    reply: FastifyReply,
    part?: DownloadPart,
  ): Promise<FastifyReply> {
    const remote = this.#remoteOf(path);
    const query = request.query as Query;
    const asked = { path: remote.path, ...pickedFrom(query), ...(part && { duration: String(part.durationUs / 1e6) }) };
    const answer = await this.#ask(remote, '/playback/get', asked, request, reply);
    if (!answer) {
      return reply.hijack();
    }
    if (queryText(query, 'download') !== undefined) {
      const name = downloadName(this.#deps.titleOf(path) ?? path, formatLocalTime(startUs, undefined));
      reply.header('Content-Disposition', contentDisposition(name));
    }
    if (part && part.durationUs < durationUs) {
      noteEnd(reply, { reason: 'other-box', resumeUs: part.resumeUs }, queryStart(query).offsetMs);
    }
    return this.#send(remote, answer, 'video', request, reply);
  }

  async file(file: VodFile, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const remote = this.#remoteOf(file.path);
    const type = typeOf(file);
    const isShort = type === 'picture';
    const picked = pickedFrom(request.query as Query);
    const answer = await this.#ask(remote, addressOf(remote, file), picked, request, reply, isShort);
    return answer ? this.#send(remote, answer, type, request, reply) : reply.hijack();
  }

  async playlist(file: VodFile, query: Query): Promise<string> {
    const remote = this.#remoteOf(file.path);
    const { requests } = this.#deps;
    const asked = {
      path: addressOf(remote, file),
      query: new URLSearchParams(pickedFrom(query)),
      limitMs: MAX_MEDIA_MS,
    };
    return this.#playlist(remote.box, (await requests.ask(remote.box, asked)).body);
  }

  /** Bytes of a range as fMP4. @throws PerchError as `BoxRequests.ask` */
  async download(path: string, startUs: number, durationUs: number, signal: AbortSignal): Promise<RemoteDownload> {
    const remote = this.#remoteOf(path);
    const { requests, clock } = this.#deps;
    const start = formatRfc3339({ us: startUs, offsetMs: 0 });
    const query = new URLSearchParams({ path: remote.path, start, duration: String(durationUs / 1e6) });
    const asked = { path: '/playback/get', query, signal, limitMs: MAX_MEDIA_MS };
    const { headers, body } = await requests.ask(remote.box, asked);
    const sizeBytes = Number(headers['content-length']);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0) {
      body.destroy();
      throw requests.invalid(remote.box, new PerchError('badInput', 'a download without its size'));
    }
    return { sizeBytes, chunks: withoutStalls(body, clock) };
  }

  /** The key frame at a time, Unix microseconds. */
  async keyFrameUs(path: string, timeUs: number, signal: AbortSignal): Promise<number | undefined> {
    const remote = this.#remoteOf(path);
    const query = new URLSearchParams({ time: formatRfc3339({ us: timeUs, offsetMs: 0 }) });
    const file = addressOf(remote, { name: 'frame.mp4', kind: 'frame' });
    const asked = { method: 'HEAD', path: file, query, signal, limitMs: MAX_MEDIA_MS, isShort: true } as const;
    const { headers, body } = await this.#deps.requests.ask(remote.box, asked);
    body.destroy();
    return parseRfc3339(String(headers['perch-time']))?.us;
  }

  /** @throws PerchError as `BoxRequests.ask` */
  open(path: string, span: StoredSpan, signal: AbortSignal): Promise<StoredPart> {
    return remotePart({ requests: this.#deps.requests, recordings: this }, path, this.#remoteOf(path), span, signal);
  }

  /** The newest recorded picture as JPEG. @throws PerchError as `BoxRequests.ask` */
  async picture(path: string, signal: AbortSignal): Promise<Uint8Array> {
    const remote = this.#remoteOf(path);
    const { requests, clock } = this.#deps;
    const query = new URLSearchParams({ time: new Date(clock.wallMs()).toISOString(), width: String(PICTURE_WIDTH) });
    const file = addressOf(remote, { name: 'picture.jpg', kind: 'picture' });
    const { body } = await requests.ask(remote.box, {
      path: file,
      query,
      signal,
      limitMs: MAX_MEDIA_MS,
      isShort: true,
    });
    return requests.read(remote.box, body, 256 << 10, jpegOf, { signal });
  }

  /** @returns undefined if the client has left */
  async #ask(
    { box }: RemotePath,
    path: string,
    picked: Readonly<Record<string, string>>,
    request: FastifyRequest,
    reply: FastifyReply,
    isShort = false,
  ): Promise<BoxAnswer | undefined> {
    const headers = Object.fromEntries(
      REQUEST_HEADERS.flatMap((name) => {
        const value = request.headers[name];
        return typeof value === 'string' ? [[name, value]] : [];
      }),
    );
    const done = new AbortController();
    reply.raw.once('close', () => done.abort());
    const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
    const query = new URLSearchParams(picked);
    const asked = { method, path, query, headers, signal: done.signal, limitMs: MAX_MEDIA_MS, isShort } as const;
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
    kind: keyof typeof TYPES,
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

  /** Reads and checks a playlist. Its addresses are relative, so they need no change. */
  #playlist(box: string, body: Readable): Promise<string> {
    // That of a day in segments of two seconds has 4 MB.
    return this.#deps.requests.read(box, body, 16 << 20, (bytes) => checkPlaylist(bytes.toString()));
  }

  #remoteOf(path: string): RemotePath {
    const remote = this.#deps.remoteOf(path);
    if (!remote) {
      throw new PerchError('notFound', 'path not found', { path });
    }
    return remote;
  }
}

function pickedFrom(query: Query): Record<string, string> {
  return Object.fromEntries(
    QUERY_KEYS.flatMap((key) => {
      const text = queryText(query, key);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

/** @throws PerchError badInput */
function jpegOf(bytes: Buffer): Uint8Array {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) {
    throw new PerchError('badInput', 'a picture that is no JPEG');
  }
  return bytes;
}

const isRewind = ({ kind }: Pick<VodFile, 'kind'>): boolean => kind === 'rewind' || kind === 'rewindMedia';

/** Address of a file on the box. */
const addressOf = ({ path }: RemotePath, file: Pick<VodFile, 'kind' | 'name'>): string =>
  `${isRewind(file) ? '/hls' : '/playback'}/${encodePath(path)}/${file.name}`;

const typeOf = ({ kind }: VodFile): keyof typeof TYPES =>
  Object.hasOwn(PLAYLISTS, kind) ? 'playlist' : kind === 'still' || kind === 'picture' ? 'picture' : 'video';

/** Ends a body that stalls. Only the time that the box takes counts, not that of a slow reader. */
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
