import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { OkAnswer } from '../../messages/responses.ts';
import { answers, OrNull, Share, TimeText } from '../schema/schemas.ts';
import type { Viewer } from '../schema/visibility.ts';
import { LabelFields } from './events.ts';

export interface EventListLookup {
  /**
   * Events between two times of the cameras that the client may see.
   * @param person whose marks are applied
   * @throws PerchError badInput
   */
  listEvents(request: EventListRequest, maySee: (path: string) => boolean, person: string | undefined): Promise<object>;
  /** Numbers of events between two times. @throws PerchError badInput */
  eventDigest(period: { readonly from: string; readonly to: string }, maySee: (path: string) => boolean): object;
  /** @throws PerchError badInput for an invalid time, unavailable if it cannot be saved */
  markEvents(person: string, events: readonly Static<typeof MarkedEvent>[]): Promise<void>;
  /** @returns the time up to which the person had seen all events */
  markEventsUpTo(person: string, upTo: string): Promise<string>;
}

const KEYS = ['from', 'to', 'path', 'types', 'zone', 'before', 'limit', 'unseen'] as const;
type Key = (typeof KEYS)[number];
type EventListRequest = { readonly [key in Key]: string | undefined };

export const LIST_QUERY = Type.Object({
  from: Type.Optional(Type.String({ description: 'RFC 3339; at most 32 days before `to`. Default: the first event.' })),
  to: TimeText,
  path: Type.Optional(Type.String({ description: 'Only events of this camera.' })),
  types: Type.Optional(
    Type.String({ description: 'Only events of these types or with such a label, comma-separated.' }),
  ),
  zone: Type.Optional(Type.String({ description: 'Only events that have been in a zone of this name.' })),
  before: Type.Optional(Type.String({ description: '`next` of the previous page.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  unseen: Type.Optional(Type.Boolean({ description: 'Only events that the person of the request has not seen.' })),
});
const Area = Type.Object(
  {
    x: Share,
    y: Share,
    width: Share,
    height: Share,
    direction: OrNull(Type.Enum(['left', 'right', 'up', 'down'])),
    at: Type.Union([TimeText, Type.Null()], { description: 'When most of it moved so far.' }),
  },
  {
    description:
      'Where something moved, in shares of the picture, and in which direction: of H.264 and H.265 with motionSource stream or both. Null: unknown.',
  },
);
const LabelZones = Type.Array(Type.String(), {
  description: 'Names of the zones in which it stands. Absent: not known, as for events of earlier releases.',
});
const Labels = Type.Array(Type.Object({ ...LabelFields, at: TimeText, zones: Type.Optional(LabelZones) }), {
  description: 'Objects that were found in its pictures. Null: it was not examined.',
});
const Zones = Type.Array(Type.String(), {
  description: 'Names of the zones of its picture (`motionZones`) in which it has been so far. Null: none is known.',
});
export const EVENT_ITEM = Type.Object({
  id: Type.String(),
  path: Type.String(),
  type: Type.String({
    description:
      'As reported. `perch.offline`: the camera was offline for a minute or longer; `perch.moved`: it has a new address.',
  }),
  start: TimeText,
  end: OrNull(TimeText),
  text: Type.String(),
  area: OrNull(Area),
  labels: OrNull(Labels),
  zones: OrNull(Zones),
  seen: Type.Union([Type.Boolean(), Type.Null()], {
    description: 'By the person of the request. Null: it came from no person.',
  }),
});
const Page = Type.Object({
  items: Type.Array(
    Type.Object({
      ...EVENT_ITEM.properties,
      picture: Type.Union([TimeText, Type.Null()], {
        description: 'The recorded time nearest to the start, within 5 s: for `frame.mp4`.',
      }),
    }),
  ),
  next: Type.Union([Type.String(), Type.Null()], { description: 'For `before`: older events. Null: none.' }),
  types: Type.Array(Type.String(), {
    description:
      'All types between the two times, and those of labels, except those of Perch itself; empty on further pages.',
  }),
  zones: Type.Array(Type.String(), {
    description: 'Zones of all events between the two times; empty on further pages.',
  }),
});

const Digest = Type.Object({
  items: Type.Array(
    Type.Object({
      path: Type.String(),
      type: Type.String(),
      count: Type.Integer(),
      labelled: Type.Integer({
        description: 'Of `count`: events of another type with such a label, which count there, too.',
      }),
    }),
    { description: 'The largest number first.' },
  ),
});
const MarkedEvent = Type.Object(
  { path: Type.String({ maxLength: 512 }), id: Type.String({ maxLength: 64 }), start: TimeText },
  { additionalProperties: false },
);
const SeenBody = Type.Object(
  {
    upTo: Type.Optional(
      Type.String({
        description: 'RFC 3339. All events that started until then; an earlier time than before undoes this.',
      }),
    ),
    events: Type.Optional(
      Type.Array(MarkedEvent, {
        maxItems: 200,
        description: 'Events that are marked one by one. A change of `upTo` does not unmark them.',
      }),
    ),
  },
  { additionalProperties: false },
);
const SeenAnswer = Type.Object({
  ...OkAnswer.properties,
  before: OrNull(Type.String({ description: 'The former `upTo`, which undoes this one. Null: `upTo` was not set.' })),
});
const tags = ['events'];

export interface EventListRoutesOptions {
  readonly recordings: EventListLookup;
  /** The name of the owner or viewer; undefined for guests and programs without a name. */
  personOf(request: FastifyRequest): string | undefined;
  /** The requesting viewer or guest, or undefined for a client with `api` permission. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
}

/** `/events/list`: events of all cameras, page by page; `/events/digest`: their numbers; `/events/seen`: marks. */
export const eventListRoutes: FastifyPluginAsync<EventListRoutesOptions> = async (app, options) => {
  const { recordings, viewerOf, personOf } = options;
  const maySee = (request: FastifyRequest) => {
    const viewer = viewerOf(request);
    return (path: string): boolean => viewer?.may('playback', path) ?? true;
  };
  const list = {
    summary: 'Events of all cameras, newest first',
    tags,
    querystring: LIST_QUERY,
    response: answers(Page, 400),
  };
  app.get<{ Querystring: Partial<Record<Key, unknown>> }>('/events/list', { schema: list }, (request) => {
    const one = (key: Key): string | undefined => {
      const [value] = [request.query[key]].flat();
      return typeof value === 'string' ? value : undefined;
    };
    const query = Object.fromEntries(KEYS.map((key) => [key, one(key)])) as EventListRequest;
    return recordings.listEvents(query, maySee(request), personOf(request));
  });

  const digest = {
    summary:
      'Numbers of events between two times, by camera and type, and also by type of their labels; at most 32 days',
    tags,
    querystring: Type.Object({ from: TimeText, to: TimeText }),
    response: answers(Digest, 400),
  };
  app.get<{ Querystring: { from?: unknown; to?: unknown } }>('/events/digest', { schema: digest }, async (request) => {
    const [from = '', to = ''] = [request.query.from, request.query.to].map((value) => String([value ?? ''].flat()[0]));
    return recordings.eventDigest({ from, to }, maySee(request));
  });

  const seen = {
    summary: 'Marks events as seen by the person of the request',
    tags,
    body: SeenBody,
    response: answers(SeenAnswer, 400, 413, 503),
  };
  app.post('/events/seen', { bodyLimit: 1 << 18, schema: seen }, async (request) => {
    const { upTo, events = [] } = checkedBody(SeenBody, request.body);
    const person = personOf(request);
    if (person === undefined) {
      throw new PerchError('badInput', 'only people with a name can mark events');
    }
    if (events.length > 0) {
      await recordings.markEvents(person, events);
    }
    return { status: 'ok', before: upTo === undefined ? null : await recordings.markEventsUpTo(person, upTo) };
  });
};
