import type { FastifyPluginAsync } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { OkAnswer } from '../simple-answers.ts';
import { nameOf } from './names.ts';
import { paginate } from './paginate.ts';
import { answers, OrNull, PageQuery, PathName, pageOf, TimeText } from './shapes.ts';

export interface RecordingSegment {
  /** RFC 3339, as exact as the file's name. */
  readonly start: string;
}

export interface RecordingLookup {
  /** Names of the paths that have recordings. */
  names(): Promise<readonly string[]> | readonly string[];
  /** Undefined when nothing in the configuration stands for the path; empty when it has no recordings. */
  segments(path: string): Promise<readonly RecordingSegment[] | undefined> | readonly RecordingSegment[] | undefined;
  /** Removes one segment's file. Throws PerchError when there is none that starts exactly then. */
  deleteSegment(path: string, start: string): Promise<void>;
  /** Removes all of a path but what is protected or being written. Throws PerchError notFound. */
  deletePath(path: string): Promise<object>;
  /** What there is of a path between two times, RFC 3339. */
  timeline(request: TimelineRequest): Promise<object>;
  /** How far the index of recordings is, and which files it has left out. */
  index(): object;
}

/** As it came in the query. */
export interface TimelineRequest {
  readonly path: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Seconds. */
  readonly resolution: string | undefined;
}

interface TimelineQuery {
  readonly from?: string | readonly string[];
  readonly to?: string | readonly string[];
  readonly resolution?: string | readonly string[];
}

interface DeleteQuery {
  readonly path?: string;
  readonly start?: string;
}

const Recording = Type.Object({ name: Type.String(), segments: Type.Array(Type.Object({ start: TimeText })) });
const Index = Type.Object({
  state: Type.Enum(['looking', 'reading', 'ready']),
  files: Type.Integer(),
  read: Type.Integer({ description: 'Since this work began.' }),
  left: Type.Integer(),
  filesPerSecond: Type.Number(),
  leftSeconds: Type.Number(),
  unreadable: Type.Object({
    count: Type.Integer(),
    files: Type.Array(Type.Object({ file: Type.String(), path: Type.String(), reason: Type.String() })),
  }),
});
/** As the box notes them (`record/gaps/gap-reason.ts`). */
export const TOLD_REASONS = [
  ...['offline', 'paused', 'recordingOff', 'diskFull', 'diskAway', 'diskFault', 'boxOff', 'clockSet', 'nothingSeen'],
];
const Stretches = Type.Array(Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }), {
  description: 'Seconds after `from`, and how long.',
});
const Timeline = Type.Object({
  path: Type.String(),
  from: TimeText,
  to: TimeText,
  resolution: Type.Number({ description: 'Seconds: gaps that are shorter are not shown.' }),
  first: OrNull(TimeText),
  last: OrNull(TimeText),
  recordedSeconds: Type.Number(),
  coverage: Stretches,
  gaps: Stretches,
  reasons: Type.Array(Type.Tuple([Type.Number(), Type.Number(), Type.Enum(TOLD_REASONS)]), {
    description:
      'Why nothing was recorded, as far as that is known: seconds after `from`, how long, and the reason. Some seconds off, where `gaps` are exact.',
  }),
  events: Type.Array(
    Type.Object({
      id: Type.String(),
      type: Type.String(),
      at: Type.Number({ description: 'Seconds after `from`.' }),
      duration: OrNull(Type.Number()),
      text: Type.String(),
    }),
  ),
  eventCounts: Type.Array(
    Type.Object({ type: Type.String(), at: Type.Number(), duration: Type.Number(), count: Type.Integer() }),
  ),
  protected: Type.Array(
    Type.Object({ id: Type.String(), at: Type.Number(), duration: Type.Number(), note: Type.String() }),
  ),
  isCut: Type.Boolean({ description: 'Not all events or protected ranges fit: ask for less time.' }),
});
const TimelineWish = Type.Object({
  from: TimeText,
  to: TimeText,
  resolution: Type.Optional(Type.Number({ description: 'Seconds.' })),
});
const Emptied = Type.Object({
  deleted: Type.Integer({ description: 'Files.' }),
  bytes: Type.Integer({ description: 'What became free.' }),
  kept: Type.Integer({ description: 'Files.' }),
  items: Type.Array(Type.Object({ start: TimeText, reason: Type.String() }), {
    description: 'The first 100 of those that were kept.',
  }),
});
const TAGS = ['recordings'];

export const recordingRoutes: FastifyPluginAsync<{ recordings: RecordingLookup }> = async (app, { recordings }) => {
  const all = {
    summary: 'Paths that have recordings, with the begin of each file',
    ...{ tags: TAGS, querystring: PageQuery, response: answers(pageOf(Recording), 400) },
  };
  app.get('/recordings/list', { schema: all }, async ({ query }) => {
    const names = [...(await recordings.names())].sort();
    const page = paginate(names, query);
    // Only the page's own are looked up: a disk holds many.
    const items = [];
    for (const name of page.items) {
      items.push({ name, segments: (await recordings.segments(name)) ?? [] });
    }
    return { ...page, items };
  });

  const one = { summary: 'Recordings of one path', tags: TAGS, params: PathName, response: answers(Recording, 400) };
  app.get('/recordings/get/*', { schema: one }, async (request) => {
    const name = nameOf(request);
    const segments = await recordings.segments(name);
    if (segments === undefined) {
      throw new PerchError('badInput', `path '${name}' is not configured`, { path: name });
    }
    return { name, segments };
  });

  const index = { summary: 'How far the index of recordings is', tags: TAGS, response: answers(Index) };
  app.get('/recordings/index', { schema: index }, () => recordings.index());

  const timeline = {
    summary: 'What there is of a path between two times',
    ...{ tags: TAGS, params: PathName, querystring: TimelineWish, response: answers(Timeline, 400, 404, 503) },
  };
  app.get<{ Querystring: TimelineQuery }>('/timeline/*', { schema: timeline }, (request) => {
    const one = (value: string | readonly string[] | undefined) => (typeof value === 'string' ? value : value?.[0]);
    const { from, to, resolution } = request.query;
    const times = { from: one(from), to: one(to), resolution: one(resolution) };
    return recordings.timeline({ path: nameOf(request), ...times });
  });

  const empty = {
    summary: 'Delete all recordings of one path, but those that are protected or being written',
    ...{ tags: TAGS, params: PathName, response: answers(Emptied, 400, 404) },
  };
  app.delete('/recordings/deletepath/*', { schema: empty }, (request) => recordings.deletePath(nameOf(request)));

  const remove = {
    summary: 'Delete one file of a recording; start as /recordings/get tells it',
    ...{
      tags: TAGS,
      querystring: Type.Object({ path: Type.String(), start: TimeText }),
      response: answers(OkAnswer, 400, 503),
    },
  };
  app.delete<{ Querystring: DeleteQuery }>(
    '/recordings/deletesegment',
    { schema: remove },
    async ({ query: { path, start } }) => {
      if (typeof path !== 'string' || path === '') {
        throw new PerchError('badInput', 'invalid path');
      }
      if (typeof start !== 'string' || Number.isNaN(Date.parse(start))) {
        throw new PerchError(
          'badInput',
          `invalid start: '${(start ?? '').slice(0, 64)}' is not a time such as 2026-01-31T12:00:00+01:00`,
        );
      }
      await recordings.deleteSegment(path, start).catch((error: unknown) => {
        throw error instanceof PerchError && error.code === 'notFound'
          ? new PerchError('badInput', error.message, error.context, error)
          : error;
      });
      return { status: 'ok' };
    },
  );
};
