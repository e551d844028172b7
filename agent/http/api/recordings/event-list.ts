import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { answers, OrNull, TimeText } from '../schema/schemas.ts';
import type { Viewer } from '../schema/visibility.ts';

export interface EventListLookup {
  /** Events between two times of the cameras that the client may see. @throws PerchError badInput */
  listEvents(request: EventListRequest, maySee: (path: string) => boolean): Promise<object>;
}

const KEYS = ['from', 'to', 'path', 'types', 'before', 'limit'] as const;
type Key = (typeof KEYS)[number];
type EventListRequest = { readonly [key in Key]: string | undefined };

const ListQuery = Type.Object({
  from: TimeText,
  to: TimeText,
  path: Type.Optional(Type.String({ description: 'Only events of this camera.' })),
  types: Type.Optional(Type.String({ description: 'Only these types, comma-separated.' })),
  before: Type.Optional(Type.String({ description: '`next` of the previous page.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
});
const Page = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      path: Type.String(),
      type: Type.String({
        description:
          'As reported. `perch.offline`: the camera was offline for a minute or longer; `perch.moved`: it has a new address.',
      }),
      start: TimeText,
      end: OrNull(TimeText),
      text: Type.String(),
      picture: Type.Union([TimeText, Type.Null()], {
        description: 'The recorded time nearest to the start, within 5 s: for `frame.mp4`.',
      }),
    }),
  ),
  next: Type.Union([Type.String(), Type.Null()], { description: 'For `before`: older events. Null: none.' }),
  types: Type.Array(Type.String(), {
    description: 'All types between the two times, except those of Perch itself; empty on further pages.',
  }),
});

interface EventListRoutesOptions {
  readonly recordings: EventListLookup;
  /** The requesting viewer or guest; undefined: a client with `api` permission. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
}

/** `GET /events/list`: events of all cameras, page by page. */
export const eventListRoutes: FastifyPluginAsync<EventListRoutesOptions> = async (app, { recordings, viewerOf }) => {
  const list = {
    summary: 'Events of all cameras between two times, newest first; at most 32 days',
    tags: ['events'],
    querystring: ListQuery,
    response: answers(Page, 400),
  };
  app.get<{ Querystring: Partial<Record<Key, unknown>> }>('/events/list', { schema: list }, (request) => {
    const one = (key: Key): string | undefined => {
      const [value] = [request.query[key]].flat();
      return typeof value === 'string' ? value : undefined;
    };
    const viewer = viewerOf(request);
    const query = Object.fromEntries(KEYS.map((key) => [key, one(key)])) as EventListRequest;
    return recordings.listEvents(query, (path) => viewer?.may('playback', path) ?? true);
  });
};
