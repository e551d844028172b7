import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { OkAnswer } from '../../messages/responses.ts';
import type { LayoutStore } from '../cameras/layouts.ts';
import { answers, OrNull, TimeText } from '../schema/schemas.ts';
import { EVENT_ITEM, type EventListRoutesOptions, LIST_QUERY } from './event-list.ts';

const KEYS = ['from', 'to', 'path', 'types', 'zone', 'hours', 'timeZone', 'before', 'limit', 'unseen'] as const;
type Key = (typeof KEYS)[number];
type ReviewRequest = { readonly [key in Key]: string | undefined };

/** For whom the cards are. */
export interface ReviewClient {
  maySee(path: string): boolean;
  /** Whose marks are applied, or undefined. */
  readonly person: string | undefined;
  /** The group of a camera: the first that has it. Undefined: it is in none. */
  groupOf(path: string): string | undefined;
}

export interface ReviewLookup {
  /** @throws PerchError badInput */
  listReviews(request: ReviewRequest, client: ReviewClient): Promise<object>;
  /** @throws PerchError badInput, notFound */
  review(id: string, client: ReviewClient): Promise<object>;
  /** @throws PerchError badInput, notFound, unavailable if it cannot be saved */
  markReview(id: string, client: ReviewClient & { readonly person: string }): Promise<void>;
}

const { path: _path, types: _types, zone: _zone, unseen: _unseen, ...PERIOD_AND_PAGE } = LIST_QUERY.properties;
const ReviewQuery = Type.Object({
  ...PERIOD_AND_PAGE,
  path: Type.Optional(Type.String({ description: 'Only cards with an event of this camera.' })),
  types: Type.Optional(
    Type.String({
      description: 'Only cards with an event of one of these types, comma-separated. With `path`: of that camera.',
    }),
  ),
  zone: Type.Optional(
    Type.String({
      description:
        'Only cards with an event in a zone of this name; with `path` and `types`: with one that has all of it.',
    }),
  ),
  hours: Type.Optional(
    Type.String({ description: 'Only cards that start within these hours, such as `22:00-06:00`, in `timeZone`.' }),
  ),
  timeZone: Type.Optional(
    Type.String({
      description: 'Such as `Europe/Vienna`. Default: the offset of `to`, also in the other half of the year.',
    }),
  ),
  unseen: Type.Optional(Type.Boolean({ description: 'Only cards with an event that the person has not seen.' })),
});
const Card = Type.Object({
  id: Type.String({
    description:
      'Cards are made of the events that you may see; the id is the same for each client that sees the first one.',
  }),
  start: TimeText,
  end: OrNull(TimeText),
  group: Type.Union([Type.String(), Type.Null()], {
    description: 'The group of its cameras: the first with that camera. Null: cameras that are in none.',
  }),
  cameras: Type.Array(
    Type.Object({
      ...{ path: Type.String(), types: Type.Array(Type.String()), zones: Type.Array(Type.String()) },
      ...{ start: TimeText, end: OrNull(TimeText) },
    }),
    { description: 'The first to see something comes first.' },
  ),
  pictures: Type.Array(Type.Object({ path: Type.String(), time: TimeText }), {
    maxItems: 6,
    description: 'Recorded times for `frame.mp4`, oldest first.',
  }),
  events: Type.Array(EVENT_ITEM, { maxItems: 200, description: 'Oldest first.' }),
  eventCount: Type.Integer({ description: 'Their number, also of those that are not listed.' }),
  seen: Type.Union([Type.Boolean(), Type.Null()], {
    description: 'The person of the request has seen all of its events. Null: it came from no person.',
  }),
});
const Cards = Type.Object({
  items: Type.Array(Card, { description: 'A page may have fewer cards than `limit`, or none, and a `next`.' }),
  next: Type.Union([Type.String(), Type.Null()], { description: 'For `before`: older cards. Null: none.' }),
  types: Type.Array(Type.String(), {
    description: 'All types of events between the two times, except those of Perch itself; empty on further pages.',
  }),
  zones: Type.Array(Type.String(), {
    description: 'Zones of all events between the two times; empty on further pages.',
  }),
});
const tags = ['events'];

interface ReviewRoutesOptions extends Pick<EventListRoutesOptions, 'personOf' | 'viewerOf'> {
  readonly recordings: ReviewLookup;
  readonly layouts: Pick<LayoutStore, 'list'>;
}

/** `/reviews`: what the cameras of a group saw within seconds, as one card. */
export const reviewRoutes: FastifyPluginAsync<ReviewRoutesOptions> = async (app, options) => {
  const { recordings, layouts, personOf, viewerOf } = options;
  const clientOf = async (request: FastifyRequest): Promise<ReviewClient> => {
    const viewer = viewerOf(request);
    const groups = (await layouts.list()).filter(({ kind }) => kind === 'group').toReversed();
    const named = new Map(groups.flatMap(({ name, cameras }) => cameras.map(({ path }) => [path, name] as const)));
    return {
      maySee: (path) => viewer?.may('playback', path) ?? true,
      person: personOf(request),
      groupOf: (path) => named.get(path),
    };
  };

  const list = {
    summary: 'Cards of events, newest first: what the cameras of a group saw within seconds is one card',
    tags,
    querystring: ReviewQuery,
    response: answers(Cards, 400, 503),
  };
  app.get<{ Querystring: Partial<Record<Key, unknown>> }>('/reviews', { schema: list }, async (request) => {
    const one = (key: Key): string | undefined => {
      const [value] = [request.query[key]].flat();
      return typeof value === 'string' ? value : undefined;
    };
    const query = Object.fromEntries(KEYS.map((key) => [key, one(key)])) as ReviewRequest;
    return recordings.listReviews(query, await clientOf(request));
  });

  const card = {
    summary: 'One card of events',
    tags,
    params: Type.Object({ id: Type.String() }),
    response: answers(Card, 400, 404, 503),
  };
  app.get<{ Params: { id: string } }>('/reviews/:id', { schema: card }, async (request) =>
    recordings.review(request.params.id, await clientOf(request)),
  );

  const seen = {
    summary: 'Marks all events of a card as seen by the person of the request, also those that it does not list',
    tags,
    params: Type.Object({ id: Type.String() }),
    response: answers(OkAnswer, 400, 404, 503),
  };
  app.post<{ Params: { id: string } }>('/reviews/:id/seen', { schema: seen }, async (request) => {
    const { person, ...client } = await clientOf(request);
    if (person === undefined) {
      throw new PerchError('badInput', 'only people with a name can mark events');
    }
    await recordings.markReview(request.params.id, { ...client, person });
    return { status: 'ok' };
  });
};
