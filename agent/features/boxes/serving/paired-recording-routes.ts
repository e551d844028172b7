import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { answers, OrNull, operation } from '../../../http/api/schema/schemas.ts';
import type { HttpAccess } from '../../../http/auth/access.ts';
import { serverOf } from '../../../http/auth/signed-requests.ts';
import { noStore } from '../../../http/messages/responses.ts';

/** Maximum number of bytes of one request. They are held in memory with their digest. */
export const MAX_PIECE_BYTES = 4 << 20;
export const MAX_PAGE_ITEMS = 200;
export const MAX_LISTED_CAMERAS = 500;
export const MAX_PAGE_STILLS = 8;
export const MAX_PAGE_TIMES = 100;
const MAX_TEXT = 512;

const Time = (description: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: `${description}, Unix microseconds.` });
const Bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const RecordedCameras = Type.Object({
  cameras: Type.Array(
    Type.Object({
      path: Type.String({ minLength: 1, maxLength: MAX_TEXT }),
      name: OrNull(Type.String({ maxLength: MAX_TEXT, description: 'Name of the camera for people.' })),
      files: Bytes,
      bytes: Bytes,
      firstUs: OrNull(Time('Start of the oldest recording')),
      lastUs: OrNull(Time('Start of the latest recording')),
    }),
    { maxItems: MAX_LISTED_CAMERAS },
  ),
});
export type RecordedCameras = Static<typeof RecordedCameras>;

export const RecordedFile = Type.Object({
  startUs: Time('Start'),
  nameUs: Time('Time in the name of the file'),
  durationUs: Time('Length'),
  bytes: Bytes,
  modifiedMs: Type.Number({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Last change of the file, Unix milliseconds.',
  }),
  format: Type.Enum(['fmp4', 'mpegts']),
  state: Type.Enum(['finished', 'growing', 'broken']),
  stills: Type.Integer({ minimum: 0, maximum: 250, description: 'Number of stills.' }),
});
export type RecordedFile = Static<typeof RecordedFile>;

export const RecordedFiles = Type.Object({
  items: Type.Array(RecordedFile, { maxItems: MAX_PAGE_ITEMS }),
  next: OrNull(Type.String({ pattern: '^\\d{1,16}-\\d{1,16}$', description: '`before` of the next page.' })),
});
export type RecordedFiles = Static<typeof RecordedFiles>;

export const RecordedStills = Type.Object({
  items: Type.Array(
    Type.Object({
      timeMs: Type.Number({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Time of the still, Unix milliseconds.',
      }),
      // Base64 of 60,000 bytes.
      jpeg: Type.String({ maxLength: 80_000, description: 'The still, base64. Empty: it is damaged.' }),
    }),
    { maxItems: MAX_PAGE_STILLS },
  ),
});
export type RecordedStills = Static<typeof RecordedStills>;

export const ProtectedTimes = Type.Object({
  items: Type.Array(
    Type.Object({
      startUs: Time('Start'),
      endUs: Time('End'),
      note: Type.String({ maxLength: MAX_TEXT }),
      createdMs: OrNull(
        Type.Number({
          minimum: 0,
          maximum: Number.MAX_SAFE_INTEGER,
          description: 'When it was protected, Unix milliseconds.',
        }),
      ),
      by: OrNull(Type.String({ maxLength: MAX_TEXT, description: 'Name of the person who protected it.' })),
    }),
    { maxItems: MAX_PAGE_TIMES },
  ),
});
export type ProtectedTimes = Static<typeof ProtectedTimes>;

interface RecordedPiece {
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes, base64. */
  readonly digest: string;
  /** Size of the file. */
  readonly sizeBytes: number;
}

/** Recording files of this box. */
export interface RecordingFiles {
  cameras(may: (path: string) => boolean): Promise<RecordedCameras>;
  /** A page of recordings, newest first. @param before the position after which to continue, or undefined for the newest */
  list(path: string, before: { readonly startUs: number; readonly id: number } | undefined): Promise<RecordedFiles>;
  /** @throws PerchError notFound, badInput: it cannot be read, unavailable: not now */
  read(file: FileOfPath, range: ByteRange): Promise<RecordedPiece>;
  /** The stills of a recording, in order. @param after how many to skip @throws PerchError notFound */
  stills(file: FileOfPath, after: number): Promise<RecordedStills>;
  /** Recordings that are never deleted. @param after how many to skip @throws PerchError unavailable */
  protectedTimes(path: string, after: number): ProtectedTimes;
}

interface FileOfPath {
  readonly path: string;
  readonly startUs: number;
  readonly nameUs: number;
}

/** First and last byte of a range, both inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

interface PairedRecordingRoutesOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly files: RecordingFiles;
  may(server: string, path: string): boolean;
}

const TAG = 'boxes';

/** Recording files of this box for paired servers that may have its recordings, on the main port only. */
export const pairedRecordingRoutes: FastifyPluginAsync<PairedRecordingRoutesOptions> = async (app, options) => {
  const { access, files, may } = options;
  noStore(app);
  const requireServer = (request: FastifyRequest): string => {
    const server = serverOf(request);
    if (server === undefined) {
      throw new PerchError('unauthorized', 'only for paired servers: the request needs their signature');
    }
    return server;
  };
  const cameras = operation(TAG, 'Recordings of the server that asks, by camera', answers(RecordedCameras));
  app.get('/v3/pairedservers/recordings', { schema: cameras }, async (request) => {
    const server = requireServer(request);
    return files.cameras((path) => may(server, path));
  });
  const list = operation(TAG, 'Recording files of a camera, newest first', answers(RecordedFiles, 400), {
    querystring: Type.Object({ path: Type.String(), before: Type.Optional(Type.String()) }),
  });
  app.get<{ Querystring: Asked }>('/v3/pairedservers/recordings/list', { schema: list }, async (request) => {
    requireServer(request);
    const path = queryText(request.query, 'path');
    await access.require(request, 'playback', path);
    return files.list(path, request.query['before'] === undefined ? undefined : positionOf(request.query));
  });
  const stills = operation(TAG, 'Stills of a recording file, in their order', answers(RecordedStills, 400, 404), {
    querystring: Type.Object({ path: Type.String(), start: Type.String(), name: Type.String(), after: Type.String() }),
  });
  app.get<{ Querystring: Asked }>('/v3/pairedservers/recordings/stills', { schema: stills }, async (request) => {
    requireServer(request);
    const { query } = request;
    const wanted = { path: queryText(query, 'path'), startUs: timeOf(query, 'start'), nameUs: timeOf(query, 'name') };
    await access.require(request, 'playback', wanted.path);
    return files.stills(wanted, countOf(query));
  });
  const times = operation(TAG, 'Protected recordings of a camera', answers(ProtectedTimes, 400, 503), {
    querystring: Type.Object({ path: Type.String(), after: Type.String() }),
  });
  app.get<{ Querystring: Asked }>('/v3/pairedservers/recordings/protected', { schema: times }, async (request) => {
    requireServer(request);
    const path = queryText(request.query, 'path');
    await access.require(request, 'playback', path);
    return files.protectedTimes(path, countOf(request.query));
  });
  const file = operation(
    TAG,
    `Bytes of a recording file, at most ${MAX_PIECE_BYTES} in one request, with Content-Digest (RFC 9530). Needs Range`,
    { ...answers(Type.Any(), 400, 404, 503), 206: Type.Any() },
    { querystring: Type.Object({ path: Type.String(), start: Type.String(), name: Type.String() }) },
  );
  const send = async (request: FastifyRequest<{ Querystring: Asked }>, reply: FastifyReply): Promise<FastifyReply> => {
    requireServer(request);
    const { query, headers } = request;
    const path = queryText(query, 'path');
    await access.require(request, 'playback', path);
    const range = rangeOf(headers.range);
    const wanted = { path, startUs: timeOf(query, 'start'), nameUs: timeOf(query, 'name') };
    const { bytes, digest, sizeBytes } = await files.read(wanted, range);
    return reply
      .code(206)
      .type('application/octet-stream')
      .header('Content-Range', `bytes ${range.first}-${range.first + bytes.length - 1}/${sizeBytes}`)
      .header('Content-Digest', `sha-256=:${digest}:`)
      .send(bytes);
  };
  app.get<{ Querystring: Asked }>('/v3/pairedservers/recordings/file', { schema: file }, send);
};

type Asked = Readonly<Record<string, unknown>>;

/** @throws PerchError badInput */
function queryText(query: Asked, key: string): string {
  const text = query[key];
  if (typeof text !== 'string' || text === '' || text.length > MAX_TEXT) {
    throw new PerchError('badInput', `${key} is missing or no text of at most ${MAX_TEXT} characters`);
  }
  return text;
}

function timeOf(query: Asked, key: string): number {
  const text = queryText(query, key);
  const us = Number(text);
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(us)) {
    throw new PerchError('badInput', `${key} '${text.slice(0, 40)}' is no time in Unix microseconds`);
  }
  return us;
}

/** Number of items that the server has already. */
function countOf(query: Asked): number {
  const text = queryText(query, 'after');
  if (!/^\d{1,6}$/.test(text)) {
    throw new PerchError('badInput', `after '${text.slice(0, 40)}' is no number`);
  }
  return Number(text);
}

function positionOf(query: Asked): { readonly startUs: number; readonly id: number } {
  const text = queryText(query, 'before');
  const [, startUs, id] = (/^(\d{1,16})-(\d{1,16})$/.exec(text) ?? []).map(Number);
  if (startUs === undefined || id === undefined || !Number.isSafeInteger(startUs) || !Number.isSafeInteger(id)) {
    throw new PerchError('badInput', `before '${text.slice(0, 40)}' is no position of a list`);
  }
  return { startUs, id };
}

/** @throws PerchError badInput */
function rangeOf(header: string | undefined): ByteRange {
  const [, first, last] = (/^bytes=(\d{1,15})-(\d{1,15})$/.exec(header ?? '') ?? []).map(Number);
  if (first === undefined || last === undefined || last < first || last - first >= MAX_PIECE_BYTES) {
    throw new PerchError(
      'badInput',
      `Range '${(header ?? '').slice(0, 60)}' is not bytes=FIRST-LAST of at most ${MAX_PIECE_BYTES}`,
    );
  }
  return { first, last };
}
