import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import type { SessionTables } from '../../../protocols/contract.ts';
import { nameOf } from '../schema/names.ts';
import { type Page, paginate } from '../schema/paginate.ts';
import { PerTickCache } from '../schema/per-tick-cache.ts';
import { answers, OrNull, PageQuery, PathName, PathPageQuery, pageOf } from '../schema/schemas.ts';
import { maySee, shownToViewers, type Viewer } from '../schema/visibility.ts';
import { type Subscriber, subscribersOf } from './audience.ts';

const Time = OrNull(Type.String({ description: 'RFC 3339, local zone.' }));
const Peer = Type.Object({ type: Type.String(), id: Type.String() });

/** One path as MediaMTX's API shows it, and below that what only Perch knows. */
export const PathItem = Type.Object({
  name: Type.String(),
  confName: Type.String({ description: 'The entry of the configuration that holds for this path.' }),
  ready: Type.Boolean(),
  readyTime: Time,
  available: Type.Boolean(),
  availableTime: Time,
  online: Type.Boolean(),
  onlineTime: Time,
  source: OrNull(Peer),
  tracks: Type.Array(Type.String()),
  tracks2: Type.Array(
    Type.Object({ codec: Type.String(), codecProps: OrNull(Type.Record(Type.String(), Type.Unknown())) }),
  ),
  readers: Type.Array(Peer),
  inboundBytes: Type.Integer(),
  outboundBytes: Type.Integer(),
  inboundFramesInError: Type.Integer(),
  bytesReceived: Type.Integer(),
  bytesSent: Type.Integer(),
  sourceState: OrNull(Type.Enum(['running', 'waiting', 'stopped', 'disabled'])),
  sourceOnDemand: Type.Boolean(),
  sourceStatistics: OrNull(
    Type.Object({
      transport: OrNull(Type.Enum(['TCP', 'UDP', 'UDP-multicast'])),
      packets: Type.Integer(),
      lost: Type.Integer(),
      late: Type.Integer(),
      reordered: Type.Integer(),
      badPackets: Type.Integer(),
      jumps: Type.Integer(),
    }),
  ),
  clockOffsetMs: OrNull(Type.Number({ description: "The camera's clock minus ours." })),
  offlineSince: Time,
  lastError: OrNull(Type.String()),
  lastErrorWhy: OrNull(
    Type.String({
      description:
        'The error in one word, where there is one: password, forbidden, noStream, noRoom, refuses, closed, silent, unknownName, noNetwork.',
    }),
  ),
  lastErrorTime: Time,
  configError: OrNull(Type.String()),
  recording: OrNull(
    Type.Object({
      active: Type.Boolean(),
      error: OrNull(Type.String()),
      why: OrNull(
        Type.String({
          description:
            'The error in one word: disk, diskFull, diskFailing, diskReadOnly, noRights, nothingToRecord, fault.',
        }),
      ),
      since: Time,
    }),
  ),
  bitrate: Type.Number({ description: 'Bits per second that come in.' }),
  title: OrNull(Type.String()),
  order: OrNull(Type.Integer({ description: "The camera's place among the others; those without one come last." })),
  paused: Type.Boolean({ description: 'Nobody connects to its camera now.' }),
  pausedUntil: OrNull(Type.String({ description: 'When the pause ends by itself, RFC 3339; null: it does not.' })),
  talk: Type.Enum(['yes', 'no', 'unknown'], {
    description: "Whether the camera plays audio from viewers; 'unknown' until the first attempt.",
  }),
  mayRead: Type.Optional(Type.Boolean({ description: 'Told to viewers and guests: whether they may watch it live.' })),
  mayPlayback: Type.Optional(
    Type.Boolean({ description: 'Told to viewers and guests: whether they may play its recordings.' }),
  ),
  webrtcSilence: OrNull(
    Type.String({
      description: 'Why WebRTC viewers hear nothing although there is sound; null: they hear it, or there is none.',
    }),
  ),
  hasBFrames: OrNull(
    Type.Boolean({
      description:
        'Its pictures are decoded in another order than shown (B-frames): WebRTC rejects it, other protocols carry it. Of the last stream while there is none; null: not known yet.',
    }),
  ),
});
export type PathItem = Static<typeof PathItem>;

export interface PathLookup {
  list(): readonly PathItem[];
  find(name: string): PathItem | undefined;
}

const PathDetail = Type.Object({
  ...PathItem.properties,
  subscribers: Type.Array(
    Type.Object({ protocol: Type.String(), clientIP: Type.String({ description: 'Empty: not known.' }) }),
  ),
});

interface PathRoutesOptions {
  readonly paths: PathLookup;
  /** The viewer or guest who asks: he sees his cameras only. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
  /** Where readers are looked up. */
  readonly sessions: SessionTables;
}

const TAGS = ['paths'];

export const pathRoutes: FastifyPluginAsync<PathRoutesOptions> = async (app, { paths, viewerOf, sessions }) => {
  const list = {
    summary: 'Paths, by name; viewers see theirs',
    ...{ tags: TAGS, querystring: PageQuery, response: answers(pageOf(PathItem), 400) },
  };
  const all = new PerTickCache();
  app.get('/paths/list', { schema: list }, (request, reply) => {
    const { query } = request;
    const viewer = viewerOf(request);
    if (viewer) {
      return byName(
        paths.list().flatMap((item) => (maySee(viewer, item.name) ? [shownToViewers(item, viewer)] : [])),
        query,
      );
    }
    const bytes = all.get(request.url, () => byName([...paths.list()], query));
    return reply.type('application/json; charset=utf-8').send(bytes);
  });

  // A wildcard, because path names may contain slashes.
  const get = {
    summary: 'One path, with those who read it',
    ...{ tags: TAGS, params: PathName, response: answers(PathDetail, 400, 404) },
  };
  app.get('/paths/get/*', { schema: get }, (request) => {
    const name = nameOf(request);
    const item = paths.find(name);
    const viewer = viewerOf(request);
    // Whether there is a path of a name that he may not see is not told.
    if (!item || (viewer && !maySee(viewer, name))) {
      throw new PerchError('notFound', 'path not found', { path: name });
    }
    const subscribers: Subscriber[] = viewer ? [] : subscribersOf(item.readers, sessions);
    return { ...(viewer ? shownToViewers(item, viewer) : item), subscribers };
  });
  forwardRoutes(app);
};

const byName = (items: PathItem[], query: unknown): Page<PathItem> =>
  paginate(
    items.sort((a, b) => (a.name < b.name ? -1 : 1)),
    query,
  );

/** MediaMTX's addresses of what it sends on to other servers: Perch sends nothing on, so there is nothing to show. */
function forwardRoutes(app: FastifyInstance): void {
  const Destination = Type.Object({ id: Type.String() });
  const all = {
    summary: 'Servers that a path is sent on to: none, Perch does not',
    ...{ tags: TAGS, querystring: PathPageQuery, response: answers(pageOf(Destination), 400) },
  };
  app.get('/paths/forward/list', { schema: all }, ({ query }) => {
    pathOf(query);
    return paginate([], query);
  });

  const one = {
    summary: 'One server that a path is sent on to: none, Perch does not',
    tags: TAGS,
    querystring: Type.Object({ path: Type.String(), id: Type.String() }),
    response: answers(Destination, 400, 404),
  };
  app.get('/paths/forward/get', { schema: one }, ({ query }) => {
    throw new PerchError('notFound', 'forward destination not found', { path: pathOf(query) });
  });
}

function pathOf(query: unknown): string {
  const { path } = query as { readonly path?: unknown };
  if (typeof path !== 'string' || path === '') {
    throw new PerchError('badInput', 'invalid path');
  }
  return path;
}
