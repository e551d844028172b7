import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { ErrorAnswer, OkAnswer } from '../../messages/responses.ts';
import { idOf } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, IdParams, PathPageQuery, pageOf, TimeText } from '../schema/schemas.ts';
import type { Viewer } from '../schema/visibility.ts';

/** Far more than a range with the longest note. */
const MAX_BODY_BYTES = 16_384;
const KEYS = ['path', 'start', 'end', 'note'] as const;

/** Recordings that nothing deletes. Times are RFC 3339. */
export interface ProtectedRecording {
  readonly id: string;
  readonly path: string;
  readonly start: string;
  readonly end: string;
  readonly note: string;
}

export interface ProtectionLookup {
  /** By their start. */
  list(): readonly ProtectedRecording[];
  /** Throws PerchError: badInput for an unknown path or what is no time, unavailable when it cannot be kept. */
  protect(range: Omit<ProtectedRecording, 'id'>): Promise<ProtectedRecording>;
  /** Throws PerchError notFound. */
  unprotect(id: string): Promise<void>;
}

interface ProtectedRoutesOptions {
  readonly protection: ProtectionLookup;
  /** The viewer or guest who asks; undefined: somebody with the action `api`. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
}

/** Of the recordings that somebody may play; what the owner has noted is his. */
function shownTo(viewer: Viewer | undefined, all: readonly ProtectedRecording[]): readonly ProtectedRecording[] {
  const shown = all.filter(({ path }) => viewer?.may('playback', path) ?? true);
  return viewer ? shown.map((one) => ({ ...one, note: '' })) : shown;
}

const RANGE = { path: Type.String(), start: TimeText, end: TimeText };
const Wish = Type.Object({ ...RANGE, note: Type.Optional(Type.String()) }, { additionalProperties: false });
const ITEM = { id: Type.String({ format: 'uuid' }), ...RANGE, note: Type.String() };
const TAGS = ['recordings'];

/** `/recordings/protect` and `/recordings/protected`: what is to stay whatever its age and however little space there is. */
export const protectedRoutes: FastifyPluginAsync<ProtectedRoutesOptions> = async (app, { protection, viewerOf }) => {
  const all = {
    summary: 'Recordings that nothing deletes',
    ...{ tags: TAGS, querystring: PathPageQuery, response: answers(pageOf(Type.Object(ITEM)), 400) },
  };
  app.get<{ Querystring: { path?: unknown } }>('/recordings/protected', { schema: all }, async (request) => {
    const { query } = request;
    const shown = shownTo(viewerOf(request), protection.list());
    return paginate(typeof query.path === 'string' ? shown.filter(({ path }) => path === query.path) : shown, query);
  });

  const made = Type.Object({ status: Type.Literal('ok'), ...ITEM });
  const add = {
    summary: 'Keep what was recorded between two times, whatever its age and however little space there is',
    ...{ tags: TAGS, body: Wish, response: answers(made, 400, 413, 503, 507) },
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

  // The address of the list with an id behind it is a near guess.
  const guess = { hide: true, params: IdParams, response: { 400: ErrorAnswer, 404: ErrorAnswer } };
  app.delete('/recordings/protected/:id', { schema: guess }, async (request) => {
    throw new PerchError('notFound', `not found: DELETE /v3/recordings/protect/${idOf(request)} ends a protection`);
  });
};

function parseRange(body: unknown): Omit<ProtectedRecording, 'id'> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PerchError('badInput', 'the body is not a JSON object with path, start and end');
  }
  const unknown = Object.keys(body).find((key) => !(KEYS as readonly string[]).includes(key));
  if (unknown !== undefined) {
    throw new PerchError('badInput', `unknown field '${unknown.slice(0, 64)}': known are ${KEYS.join(', ')}`);
  }
  const text = (key: (typeof KEYS)[number], isNeeded: boolean): string => {
    const value = (body as Record<string, unknown>)[key] ?? '';
    if (typeof value !== 'string') {
      throw new PerchError('badInput', `${key} is not a text`);
    }
    if (isNeeded && value === '') {
      throw new PerchError('badInput', `${key} is missing`);
    }
    return value;
  };
  return { path: text('path', true), start: text('start', true), end: text('end', true), note: text('note', false) };
}
