import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static, type TObject } from 'typebox';
import { OkAnswer } from '../../messages/responses.ts';
import { idOf } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, IdParams, OrNull, PageQuery, pageOf, TimeText } from '../schema/schemas.ts';
import { rangeFields, textFields } from './events.ts';

const MAX_BODY_BYTES = 16_384;
const KEYS = ['path', 'start', 'end'] as const;

const RANGE = { path: Type.String(), start: TimeText, end: TimeText };
const Body = Type.Object(RANGE, { additionalProperties: false });
export type DeletionRequest = Static<typeof Body>;
const FORECAST = {
  recordedSeconds: Type.Number(),
  bytes: Type.Integer({
    description: 'Estimated size of the deleted recordings. A file counts by the share of its time in the range.',
  }),
  freedBytes: Type.Integer({
    description: 'Size of the files that lie wholly in the range. Others are hidden until they expire.',
  }),
  kept: Type.Array(Type.Object({ id: Type.String(), start: TimeText, end: TimeText, note: Type.String() }), {
    description: 'Protected ranges, which stay.',
  }),
};
export type DeletionForecast = Static<TObject<typeof FORECAST>>;
const ITEM = {
  id: Type.String({ format: 'uuid' }),
  ...RANGE,
  requested: TimeText,
  by: OrNull(Type.String({ description: 'Name of the person who deleted them.' })),
  undoUntil: OrNull(
    Type.String({ description: 'Last time at which it can be undone, RFC 3339. Null: the files are being deleted.' }),
  ),
};
export type DeletionItem = Static<TObject<typeof ITEM>>;

export interface DeletionLookup {
  /** Newest request first. */
  list(): readonly DeletionItem[];
  forecast(request: DeletionRequest): Promise<DeletionForecast>;
  /** @throws PerchError badInput, notFound if nothing would be deleted, unavailable if it cannot be saved */
  delete(request: DeletionRequest, by: string | undefined): Promise<DeletionItem & DeletionForecast>;
  /** @throws PerchError notFound, badInput if it is too late */
  restore(id: string): Promise<void>;
}

interface DeletionRoutesOptions {
  readonly deletions: DeletionLookup;
  /** The name of the person; undefined for programs without a name. */
  personOf(request: FastifyRequest): string | undefined;
}

const TAGS = ['recordings'];

/** `/recordings/deletions`: deletes the recordings between two times, with Undo. */
export const deletionRoutes: FastifyPluginAsync<DeletionRoutesOptions> = async (app, { deletions, personOf }) => {
  const all = {
    summary: 'Deleted ranges of recordings whose files are not yet all deleted, newest first',
    tags: TAGS,
    querystring: PageQuery,
    response: answers(pageOf(Type.Object(ITEM)), 400),
  };
  app.get('/recordings/deletions', { schema: all }, ({ query }) => paginate(deletions.list(), query));

  const forecast = {
    summary: 'What deleting the recordings between two times would delete and keep',
    tags: TAGS,
    body: Body,
    response: answers(Type.Object(FORECAST), 400, 413, 503),
  };
  app.post('/recordings/deletions/foresee', { bodyLimit: MAX_BODY_BYTES, schema: forecast }, ({ body }) =>
    deletions.forecast(parseRange(body)),
  );

  const remove = {
    summary:
      'Delete the recordings of a path between two times, except protected ones: hidden at once, with Undo for ten minutes',
    tags: TAGS,
    body: Body,
    response: answers(Type.Object({ status: Type.Literal('ok'), ...ITEM, ...FORECAST }), 400, 404, 413, 503, 507),
  };
  app.post('/recordings/deletions', { bodyLimit: MAX_BODY_BYTES, schema: remove }, async (request) => ({
    status: 'ok',
    ...(await deletions.delete(parseRange(request.body), personOf(request))),
  }));

  const undo = {
    summary: 'Undo a deletion whose files are not yet being deleted',
    tags: TAGS,
    params: IdParams,
    response: answers(OkAnswer, 400, 404, 503),
  };
  app.delete('/recordings/deletions/:id', { schema: undo }, async (request) => {
    await deletions.restore(idOf(request));
    return { status: 'ok' };
  });
};

const parseRange = (body: unknown): DeletionRequest => rangeFields(textFields(body, KEYS, 'path, start and end'));
