import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { nameOf } from './names.ts';
import { paginate } from './paginate.ts';
import { type LimitedPerson, maySee, shownToViewers } from './sight.ts';

const OrNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
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
  lastErrorTime: Time,
  configError: OrNull(Type.String()),
  recording: OrNull(Type.Object({ active: Type.Boolean(), error: OrNull(Type.String()), since: Time })),
  bitrate: Type.Number({ description: 'Bits per second that come in.' }),
  title: OrNull(Type.String()),
  talk: Type.Enum(['yes', 'no', 'unknown'], {
    description: "Whether people can talk through the camera; 'unknown' until somebody has wanted to.",
  }),
  webrtcSilence: OrNull(
    Type.String({
      description: 'Why WebRTC viewers hear nothing although there is sound; null: they hear it, or there is none.',
    }),
  ),
});
export type PathItem = Static<typeof PathItem>;

export interface PathLookup {
  list(): readonly PathItem[];
  find(name: string): PathItem | undefined;
}

const PathPage = Type.Object({
  itemCount: Type.Integer(),
  pageCount: Type.Integer(),
  items: Type.Array(PathItem),
});

export interface PathRoutesOptions {
  readonly paths: PathLookup;
  /** The viewer or guest who asks: he sees his cameras only. */
  viewerOf(request: FastifyRequest): LimitedPerson | undefined;
}

export const pathRoutes: FastifyPluginAsync<PathRoutesOptions> = async (app, { paths, viewerOf }) => {
  app.get('/paths/list', { schema: { response: { 200: PathPage } } }, (request) => {
    const viewer = viewerOf(request);
    const seen = viewer
      ? paths.list().flatMap((item) => (maySee(viewer, item.name) ? [shownToViewers(item)] : []))
      : [...paths.list()];
    return paginate(
      seen.sort((a, b) => (a.name < b.name ? -1 : 1)),
      request.query,
    );
  });

  // A wildcard, because path names may contain slashes.
  app.get('/paths/get/*', { schema: { response: { 200: PathItem } } }, (request) => {
    const name = nameOf(request);
    const item = paths.find(name);
    const viewer = viewerOf(request);
    // Whether there is a path of a name that he may not see is not told.
    if (!item || (viewer && !maySee(viewer, name))) {
      throw new PerchError('notFound', 'path not found', { path: name });
    }
    return viewer ? shownToViewers(item) : item;
  });
};
