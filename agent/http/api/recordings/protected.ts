import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { ErrorAnswer, OkAnswer } from '../../messages/responses.ts';
import { idOf } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, IdParams, PathPageQuery, pageOf, TimeText } from '../schema/schemas.ts';
import type { Viewer } from '../schema/visibility.ts';
import { textFields } from './events.ts';

const MAX_BODY_BYTES = 16_384;
const KEYS = ['path', 'start', 'end', 'note'] as const;

/** Recordings that are never deleted. Times are RFC 3339. */
export interface ProtectedRecording {
  readonly id: string;
  readonly path: string;
  readonly start: string;
  readonly end: string;
  readonly note: string;
}

export interface ProtectionLookup {
  list(): readonly ProtectedRecording[];
  /** @throws PerchError badInput for an unknown path or invalid times, unavailable if it cannot be saved */
  protect(range: Omit<ProtectedRecording, 'id'>): Promise<ProtectedRecording>;
  /** @throws PerchError notFound */
  unprotect(id: string): Promise<void>;
}

interface ProtectedRoutesOptions {
  readonly protection: ProtectionLookup;
  /** The requesting viewer or guest; undefined: a client with `api` permission. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
}

/** Viewers get the ranges of recordings that they may play, without notes. */
function shownTo(viewer: Viewer | undefined, all: readonly ProtectedRecording[]): readonly ProtectedRecording[] {
  const shown = all.filter(({ path }) => viewer?.may('playback', path) ?? true);
  return viewer ? shown.map((one) => ({ ...one, note: '' })) : shown;
}

const RANGE = { path: Type.String(), start: TimeText, end: TimeText };
const ProtectBody = Type.Object({ ...RANGE, note: Type.Optional(Type.String()) }, { additionalProperties: false });
const ITEM = { id: Type.String({ format: 'uuid' }), ...RANGE, note: Type.String() };
const TAGS = ['recordings'];

/** `/recordings/protect` and `/recordings/protected` */
export const protectedRoutes: FastifyPluginAsync<ProtectedRoutesOptions> = async (app, { protection, viewerOf }) => {
  const all = {
    summary: 'Protected recordings, which are never deleted',
    tags: TAGS,
    querystring: PathPageQuery,
    response: answers(pageOf(Type.Object(ITEM)), 400),
  };
  app.get<{ Querystring: { path?: unknown } }>('/recordings/protected', { schema: all }, async (request) => {
    const { query } = request;
    const shown = shownTo(viewerOf(request), protection.list());
    return paginate(typeof query.path === 'string' ? shown.filter(({ path }) => path === query.path) : shown, query);
  });

  const made = Type.Object({ status: Type.Literal('ok'), ...ITEM });
  const add = {
    summary: 'Protect recordings between two times: they are deleted neither by age nor for space',
    tags: TAGS,
    body: ProtectBody,
    response: answers(made, 400, 413, 503, 507),
  };
  app.post('/recordings/protect', { bodyLimit: MAX_BODY_BYTES, schema: add }, async ({ body }) => ({
    status: 'ok',
    ...(await protection.protect(parseRange(body))),
  }));

  const end = { summary: 'End a protection', tags: TAGS, params: IdParams, response: answers(OkAnswer, 400, 404, 503) };
  app.delete('/recordings/protect/:id', { schema: end }, async (request) => {
    await protection.unprotect(idOf(request));
    return { status: 'ok' };
  });

  // A common mistake: the address of the list with an id.
  const guess = { hide: true, params: IdParams, response: { 400: ErrorAnswer, 404: ErrorAnswer } };
  app.delete('/recordings/protected/:id', { schema: guess }, async (request) => {
    throw new PerchError('notFound', `not found: DELETE /v3/recordings/protect/${idOf(request)} ends a protection`);
  });
};

function parseRange(body: unknown): Omit<ProtectedRecording, 'id'> {
  const text = textFields(body, KEYS, 'path, start and end');
  const required = (key: (typeof KEYS)[number]): string => {
    const value = text(key);
    if (!value) {
      throw new PerchError('badInput', `${key} is missing`);
    }
    return value;
  };
  return { path: required('path'), start: required('start'), end: required('end'), note: text('note') ?? '' };
}
