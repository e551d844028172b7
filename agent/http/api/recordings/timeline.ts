import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { GAP_REASONS, LABEL_TYPES } from '../../../base/event-kinds.ts';
import { pathName } from '../schema/names.ts';
import { answers, OrNull, PathName, TimeText } from '../schema/schemas.ts';
import type { Viewer } from '../schema/visibility.ts';

export interface TimelineLookup {
  /** The recordings, gaps and events of a path between two times. @param isOnlyHere sends no request to other boxes */
  timeline(request: TimelineRequest, isOnlyHere: boolean): Promise<{ readonly protected: readonly object[] }>;
}

interface TimelineRequest {
  readonly path: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly resolution: string | undefined;
}

interface TimelineQuery {
  readonly from?: string | readonly string[];
  readonly to?: string | readonly string[];
  readonly resolution?: string | readonly string[];
}

/** And ranges deleted by hand. */
export const REASONS = [...GAP_REASONS, 'deleted'];
const Spans = Type.Array(Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }), {
  description: 'Seconds after `from`, and duration in seconds.',
});
const Timeline = Type.Object({
  path: Type.String(),
  from: TimeText,
  to: TimeText,
  resolution: Type.Number({ description: 'Resolution in seconds. Shorter gaps are omitted.' }),
  first: OrNull(TimeText),
  last: OrNull(TimeText),
  recordedSeconds: Type.Number(),
  coverage: Spans,
  archived: {
    ...Spans,
    description: 'Parts of `coverage` that only the archive has: seconds after `from`, and duration in seconds.',
  },
  fetched: {
    ...Spans,
    description: 'Parts of `coverage` from the card of the camera: seconds after `from`, and duration in seconds.',
  },
  imported: { ...Spans, description: 'The same, of parts that were imported from a recorder or camera.' },
  gaps: Spans,
  reasons: Type.Array(Type.Tuple([Type.Number(), Type.Number(), Type.Enum(REASONS)]), {
    description:
      'Known reasons for gaps: seconds after `from`, duration in seconds, and the reason. Accurate to some seconds, unlike `gaps`. The longest ones if not all fit.',
  }),
  events: Type.Array(
    Type.Object({
      id: Type.String(),
      type: Type.String(),
      at: Type.Number({ description: 'Seconds after `from`.' }),
      duration: OrNull(Type.Number()),
      text: Type.String(),
      labels: Type.Optional(
        Type.Array(Type.Enum([...LABEL_TYPES]), { description: 'Types of its labels; absent: it has none.' }),
      ),
    }),
  ),
  eventCounts: Type.Array(
    Type.Object({
      type: Type.String(),
      at: Type.Number(),
      duration: Type.Number(),
      count: Type.Integer(),
      labelled: Type.Optional(
        Type.Integer({
          description:
            'Of `count`: events of another type, in which this was found. They count there, too. Absent: none.',
        }),
      ),
    }),
  ),
  protected: Type.Array(
    Type.Object({ id: Type.String(), at: Type.Number(), duration: Type.Number(), note: Type.String() }),
  ),
  missing: OrNull(
    Type.Object(
      {
        why: Type.String({ description: 'The reason in one word, such as `boxAway`.' }),
        since: OrNull(TimeText),
        text: Type.String(),
      },
      { description: 'Why recordings of another box are not in the answer. Null: all are.' },
    ),
  ),
  isCut: Type.Boolean({
    description: 'Some reasons, events or protected ranges did not fit: request a shorter range.',
  }),
});
const TimelineParams = Type.Object({
  from: TimeText,
  to: TimeText,
  resolution: Type.Optional(Type.Number({ description: 'Resolution in seconds.' })),
});

interface TimelineRoutesOptions {
  readonly recordings: TimelineLookup;
  /** The requesting viewer or guest, or undefined for a client with `api` permission. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
}

export const timelineRoutes: FastifyPluginAsync<TimelineRoutesOptions> = async (app, { recordings, viewerOf }) => {
  const timeline = {
    summary: 'Recordings, gaps and events of a path between two times',
    tags: ['recordings'],
    params: PathName,
    querystring: TimelineParams,
    response: answers(Timeline, 400, 404, 503),
  };
  app.get<{ Querystring: TimelineQuery }>('/timeline/*', { schema: timeline }, async (request) => {
    const one = (value: string | readonly string[] | undefined) => (typeof value === 'string' ? value : value?.[0]);
    const { from, to, resolution } = request.query;
    const times = { from: one(from), to: one(to), resolution: one(resolution) };
    const path = pathName(request);
    const viewer = viewerOf(request);
    if (viewer && !viewer.may('playback', path)) {
      throw new PerchError('notFound', 'path not found', { path });
    }
    // Only the owner sees notes.
    const found = await recordings.timeline({ path, ...times }, viewer?.isServer === true);
    return viewer ? { ...found, protected: found.protected.map((range) => ({ ...range, note: '' })) } : found;
  });
};
