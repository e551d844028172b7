import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { answers, OrNull, TimeText } from '../schema/schemas.ts';
import type { Viewer } from '../schema/visibility.ts';

export interface EventListLookup {
  /** What was seen between two times by the cameras of which whoever asks is told. Throws PerchError badInput. */
  listEvents(request: EventListRequest, maySee: (path: string) => boolean): Promise<object>;
}

const KEYS = ['from', 'to', 'path', 'types', 'before', 'limit'] as const;
type Key = (typeof KEYS)[number];
/** As it came in the query. */
type EventListRequest = { readonly [key in Key]: string | undefined };

const Wish = Type.Object({
  from: TimeText,
  to: TimeText,
  path: Type.Optional(Type.String({ description: 'Of this camera alone.' })),
  types: Type.Optional(Type.String({ description: 'Of these alone, with commas between.' })),
  before: Type.Optional(Type.String({ description: '`next` of the answer that is to go on.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
});
const Page = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      path: Type.String(),
      type: Type.String({
        description:
          'As reported. `perch.offline`: the camera was offline for a minute or more; `perch.moved`: it has another address.',
      }),
      start: TimeText,
      end: OrNull(TimeText),
      text: Type.String(),
      picture: Type.Union([TimeText, Type.Null()], {
        description: 'The recorded moment that is nearest to the begin, within 5 s: for `frame.mp4`.',
      }),
    }),
  ),
  next: Type.Union([Type.String(), Type.Null()], { description: 'For `before`: what is older. Null: nothing is.' }),
  types: Type.Array(Type.String(), {
    description:
      'All event types (without those of Perch itself) between the two times; empty in continued lists.',
  }),
});

interface EventListRoutesOptions {
  readonly recordings: EventListLookup;
  /** The viewer or guest who asks; undefined: somebody with the action `api`. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
}

/** `GET /events/list`: what all cameras have seen, one page after the other. */
export const eventListRoutes: FastifyPluginAsync<EventListRoutesOptions> = async (app, { recordings, viewerOf }) => {
  const list = {
    summary: 'What all cameras have seen between two times, newest first; at most 32 days',
    ...{ tags: ['events'], querystring: Wish, response: answers(Page, 400) },
  };
  app.get<{ Querystring: Partial<Record<Key, unknown>> }>('/events/list', { schema: list }, (request) => {
    const one = (key: Key): string | undefined => {
      const [value] = [request.query[key]].flat();
      return typeof value === 'string' ? value : undefined;
    };
    const viewer = viewerOf(request);
    const wish = Object.fromEntries(KEYS.map((key) => [key, one(key)])) as EventListRequest;
    return recordings.listEvents(wish, (path) => viewer?.may('playback', path) ?? true);
  });
};
