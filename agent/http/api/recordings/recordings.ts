import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { OkAnswer } from '../../messages/responses.ts';
import { pathName } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, PageQuery, PathName, pageOf, TimeText } from '../schema/schemas.ts';
import type { EventListLookup } from './event-list.ts';
import type { ReviewLookup } from './reviews.ts';
import type { TimelineLookup } from './timeline.ts';

interface RecordingSegment {
  /** RFC 3339, as precise as the file name. */
  readonly start: string;
}

export interface RecordingLookup extends TimelineLookup, EventListLookup, ReviewLookup {
  playedNames(): Promise<readonly string[]> | readonly string[];
  /** undefined for a path that is not configured; empty without recordings. @param isInList sends no request to other boxes */
  segments(
    path: string,
    isInList?: boolean,
  ): Promise<readonly RecordingSegment[] | undefined> | readonly RecordingSegment[] | undefined;
  /** Deletes the file that starts exactly then. @throws PerchError notFound */
  deleteSegment(path: string, start: string): Promise<void>;
  /** Deletes all recordings of a path except protected and growing ones. @throws PerchError notFound */
  deletePath(path: string): Promise<object>;
  index(): object;
}

interface DeleteQuery {
  readonly path?: string;
  readonly start?: string;
}

const Recording = Type.Object({ name: Type.String(), segments: Type.Array(Type.Object({ start: TimeText })) });
const Index = Type.Object({
  state: Type.Enum(['looking', 'reading', 'ready']),
  files: Type.Integer(),
  read: Type.Integer({ description: 'Since the run began.' }),
  left: Type.Integer(),
  filesPerSecond: Type.Number(),
  leftSeconds: Type.Number(),
  unreadable: Type.Object({
    count: Type.Integer(),
    files: Type.Array(Type.Object({ file: Type.String(), path: Type.String(), reason: Type.String() })),
  }),
});
const Emptied = Type.Object({
  deleted: Type.Integer({ description: 'Files.' }),
  bytes: Type.Integer({ description: 'Freed.' }),
  kept: Type.Integer({ description: 'Files.' }),
  items: Type.Array(Type.Object({ start: TimeText, reason: Type.String() }), {
    description: 'The first 100 kept files.',
  }),
});
export type DeletionResult = Static<typeof Emptied>;
const TAGS = ['recordings'];

export const recordingRoutes: FastifyPluginAsync<{ recordings: RecordingLookup }> = async (app, { recordings }) => {
  const all = {
    summary: 'Paths with recordings, and the start of each file that plays',
    tags: TAGS,
    querystring: PageQuery,
    response: answers(pageOf(Recording), 400),
  };
  app.get('/recordings/list', { schema: all }, async ({ query }) => {
    const names = [...(await recordings.playedNames())].sort();
    const page = paginate(names, query);
    // Only paths of the page are read: a disk holds many.
    const items = [];
    for (const name of page.items) {
      items.push({ name, segments: (await recordings.segments(name, true)) ?? [] });
    }
    return { ...page, items };
  });

  const one = { summary: 'Recordings of one path', tags: TAGS, params: PathName, response: answers(Recording, 400) };
  app.get('/recordings/get/*', { schema: one }, async (request) => {
    const name = pathName(request);
    const segments = await recordings.segments(name);
    if (segments === undefined) {
      throw new PerchError('badInput', `path '${name}' is not configured`, { path: name });
    }
    return { name, segments };
  });

  const index = { summary: 'Progress of the index of recordings', tags: TAGS, response: answers(Index) };
  app.get('/recordings/index', { schema: index }, () => recordings.index());

  const empty = {
    summary: 'Delete all recordings of a path, except protected and growing ones',
    tags: TAGS,
    params: PathName,
    response: answers(Emptied, 400, 404),
  };
  app.delete('/recordings/deletepath/*', { schema: empty }, (request) => recordings.deletePath(pathName(request)));

  const remove = {
    summary:
      'Delete one file of a recording, by its start in /recordings/get; an unreadable file by the start in its name',
    tags: TAGS,
    querystring: Type.Object({ path: Type.String(), start: TimeText }),
    response: answers(OkAnswer, 400, 503),
  };
  app.delete<{ Querystring: DeleteQuery }>('/recordings/deletesegment', { schema: remove }, async ({ query }) => {
    const { path, start = '' } = query;
    if (typeof path !== 'string' || path === '') {
      throw new PerchError('badInput', 'invalid path');
    }
    if (typeof start !== 'string' || Number.isNaN(Date.parse(start))) {
      const shown = String(start).slice(0, 64);
      throw new PerchError('badInput', `invalid start: '${shown}' is not a time such as 2026-01-31T12:00:00+01:00`);
    }
    await recordings.deleteSegment(path, start).catch((error: unknown) => {
      throw error instanceof PerchError && error.code === 'notFound'
        ? new PerchError('badInput', error.message, error.context, error)
        : error;
    });
    return { status: 'ok' };
  });
};
