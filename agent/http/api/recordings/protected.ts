import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static, type TObject } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { ErrorAnswer, OkAnswer } from '../../messages/responses.ts';
import { idOf } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, IdParams, OrNull, PathPageQuery, pageOf, TimeText } from '../schema/schemas.ts';
import type { Viewer } from '../schema/visibility.ts';
import { rangeFields, textFields } from './events.ts';

const MAX_BODY_BYTES = 16_384;
const KEYS = ['path', 'start', 'end', 'note'] as const;

const RANGE = { path: Type.String(), start: TimeText, end: TimeText };
const ProtectBody = Type.Object({ ...RANGE, note: Type.Optional(Type.String()) }, { additionalProperties: false });
const ITEM = { id: Type.String({ format: 'uuid' }), ...RANGE, note: Type.String() };
/** Recordings that are never deleted. */
export type ProtectedRecording = Static<TObject<typeof ITEM>>;
export interface NewProtection extends Omit<ProtectedRecording, 'id'> {
  /** Name of the person, or undefined for a program without a name. */
  readonly by?: string | undefined;
}
const CLIP = {
  ...ITEM,
  created: OrNull(Type.String({ description: 'RFC 3339. Null: protected by an earlier version.' })),
  by: OrNull(Type.String({ description: 'Name of the person who protected it.' })),
  bytes: Type.Integer({ description: 'Estimated size.' }),
  recordedSeconds: Type.Number({ description: 'Length without gaps, in seconds.' }),
  picture: OrNull(Type.String({ description: 'The first recorded moment, RFC 3339, for frame.mp4.' })),
  copying: OrNull(
    Type.Object(
      {
        share: Type.Number({ description: 'Share that is copied, from 0 to 1.' }),
        error: OrNull(Type.String({ description: 'Why it does not go on now. It is tried again every 30 s.' })),
      },
      { description: 'What another box has of it is being copied. Null: it is complete.' },
    ),
  ),
};
/** A protected recording in the library. */
export type ClipItem = Static<TObject<typeof CLIP>>;

export interface ProtectionLookup {
  /** The protected recordings, oldest first. */
  list(): readonly ProtectedRecording[];
  /** @throws PerchError badInput for an unknown path or invalid times, unavailable if it cannot be saved */
  protect(range: NewProtection): Promise<ProtectedRecording>;
  /** @throws PerchError notFound, badInput for a long note, unavailable if it cannot be saved */
  setNote(id: string, note: string): Promise<ProtectedRecording>;
  /** @throws PerchError notFound */
  describe(id: string): Promise<ClipItem>;
  /** @throws PerchError notFound */
  unprotect(id: string): Promise<void>;
}

interface ProtectedRoutesOptions {
  readonly protection: ProtectionLookup;
  /** The requesting viewer or guest, or undefined for a client with `api` permission. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
  /** The name of the person; undefined for programs without a name. */
  personOf(request: FastifyRequest): string | undefined;
}

/** Viewers get the ranges of recordings that they may play, without notes. */
function shownTo(
  viewer: Viewer | undefined,
  all: readonly ProtectedRecording[],
  wanted: unknown,
): readonly ProtectedRecording[] {
  const shown = all.filter(
    ({ path }) => (viewer?.may('playback', path) ?? true) && (typeof wanted !== 'string' || path === wanted),
  );
  return viewer ? shown.map((one) => ({ ...one, note: '' })) : shown;
}

const NoteBody = Type.Object({ note: Type.String() }, { additionalProperties: false });
const TAGS = ['recordings'];

interface PathQuery {
  readonly Querystring: { readonly path?: unknown };
}

/** `/recordings/protect`, `/recordings/protected` and `/recordings/clips` */
export const protectedRoutes: FastifyPluginAsync<ProtectedRoutesOptions> = async (app, options) => {
  const { protection, viewerOf, personOf } = options;
  const all = {
    summary: 'Protected recordings, which are never deleted',
    tags: TAGS,
    querystring: PathPageQuery,
    response: answers(pageOf(Type.Object(ITEM)), 400),
  };
  app.get<PathQuery>('/recordings/protected', { schema: all }, async (request) =>
    paginate(shownTo(viewerOf(request), protection.list(), request.query.path), request.query),
  );

  const library = {
    summary: 'The library: protected recordings with their sizes, newest first',
    tags: TAGS,
    querystring: PathPageQuery,
    response: answers(pageOf(Type.Object(CLIP)), 400),
  };
  app.get<PathQuery>('/recordings/clips', { schema: library }, async (request) => {
    const viewer = viewerOf(request);
    const page = paginate(shownTo(viewer, protection.list(), request.query.path).toReversed(), request.query);
    const items = await Promise.all(page.items.map(({ id }) => protection.describe(id)));
    return { ...page, items: viewer ? items.map((one) => ({ ...one, note: '', by: null })) : items };
  });

  const made = Type.Object({ status: Type.Literal('ok'), ...ITEM });
  const add = {
    summary: 'Protect recordings between two times: they are deleted neither by age nor for space',
    tags: TAGS,
    body: ProtectBody,
    response: answers(made, 400, 413, 503, 507),
  };
  app.post('/recordings/protect', { bodyLimit: MAX_BODY_BYTES, schema: add }, async (request) => {
    const by = personOf(request);
    const range = { ...parseRange(request.body), ...(by !== undefined && { by }) };
    return { status: 'ok', ...(await protection.protect(range)) };
  });

  const change = {
    summary: 'Change the note of a protected recording',
    tags: TAGS,
    params: IdParams,
    body: NoteBody,
    response: answers(made, 400, 404, 413, 503, 507),
  };
  app.patch('/recordings/protect/:id', { bodyLimit: MAX_BODY_BYTES, schema: change }, async (request) => {
    const note = textFields(request.body, ['note'], 'note')('note');
    if (note === undefined) {
      throw new PerchError('badInput', 'note is missing');
    }
    return { status: 'ok', ...(await protection.setNote(idOf(request), note)) };
  });

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
  return { ...rangeFields(text), note: text('note') ?? '' };
}
