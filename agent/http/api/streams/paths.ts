import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import type { SessionTables } from '../../../protocols/contract.ts';
import { pathName } from '../schema/names.ts';
import { type Page, paginate } from '../schema/paginate.ts';
import { answers, OrNull, operation, PageQuery, PathName, pageOf } from '../schema/schemas.ts';
import { maySee, shownToViewers, type Viewer } from '../schema/visibility.ts';
import { type Subscriber, subscribersOf } from './audience.ts';

const Time = OrNull(Type.String({ description: 'RFC 3339, local zone.' }));
const Peer = Type.Object({ type: Type.String(), id: Type.String() });

/** A path as in MediaMTX's API, then Perch's own fields. */
export const PathItem = Type.Object({
  name: Type.String(),
  confName: Type.String({ description: 'Entry of the configuration that applies to this path.' }),
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
  leftOut: OrNull(
    Type.String({ description: 'Tracks that the sender announces and does not deliver (yet), and why; null: none.' }),
  ),
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
  clockOffsetMs: OrNull(Type.Number({ description: "The camera's clock minus that of this box." })),
  offlineSince: Time,
  lastError: OrNull(Type.String()),
  lastErrorWhy: OrNull(
    Type.String({
      description:
        'The error in one word, if known: password, forbidden, noStream, noRoom, refuses, closed, silent, unknownName, noNetwork, notShared, boxRefuses, boxUnknown.',
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
  bitrate: Type.Number({ description: 'Bits per second received.' }),
  title: OrNull(Type.String()),
  order: OrNull(Type.Integer({ description: "The camera's position; cameras without one come last." })),
  paused: Type.Boolean({ description: 'The camera is paused: Perch does not connect to it.' }),
  pausedUntil: OrNull(Type.String({ description: 'End of the pause, RFC 3339; null: it lasts until resumed.' })),
  privacy: Type.Boolean({ description: 'Private in the present mode: no stream and no recording.' }),
  talk: Type.Enum(['yes', 'no', 'unknown'], {
    description: "Whether the camera plays audio from viewers; 'unknown' until the first attempt.",
  }),
  mayRead: Type.Optional(Type.Boolean({ description: 'For viewers and guests: whether they may watch it live.' })),
  mayTurn: Type.Optional(Type.Boolean({ description: 'For viewers and guests: whether they may turn the camera.' })),
  maySwitch: Type.Optional(
    Type.Boolean({ description: 'For viewers and guests: whether they may switch its lights, sirens and relays.' }),
  ),
  mayPlayback: Type.Optional(
    Type.Boolean({ description: 'For viewers and guests: whether they may play its recordings.' }),
  ),
  webrtcSilence: OrNull(
    Type.String({
      description: 'Why WebRTC viewers get no audio although the stream has audio; null otherwise.',
    }),
  ),
  hasBFrames: OrNull(
    Type.Boolean({
      description:
        'The video has B-frames (decoding order differs from display order): WebRTC rejects it, other protocols carry it. Of the last stream while offline; null: unknown yet.',
    }),
  ),
  box: OrNull(
    Type.Object(
      {
        id: Type.String(),
        name: Type.String(),
        awaySince: Time,
        turn: Type.Boolean(),
        switch: Type.Boolean(),
        settings: Type.Boolean(),
      },
      {
        description:
          'The box whose camera it is, since when it is away, and what this server may do with the camera; null: it is this one.',
      },
    ),
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
  /** The viewer or guest of the request, who sees only some cameras. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
  readonly sessions: SessionTables;
}

export const pathRoutes: FastifyPluginAsync<PathRoutesOptions> = async (app, { paths, viewerOf, sessions }) => {
  const list = operation('paths', 'Paths, by name; viewers get only theirs', answers(pageOf(PathItem), 400), {
    querystring: PageQuery,
  });
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
  const get = operation('paths', 'One path with its readers', answers(PathDetail, 400, 404), { params: PathName });
  app.get('/paths/get/*', { schema: get }, (request) => {
    const name = pathName(request);
    const item = paths.find(name);
    const viewer = viewerOf(request);
    // A viewer cannot tell a hidden path from a missing one.
    if (!item || (viewer && !maySee(viewer, name))) {
      throw new PerchError('notFound', 'path not found', { path: name });
    }
    const subscribers: Subscriber[] = viewer ? [] : subscribersOf(item.readers, sessions);
    return { ...(viewer ? shownToViewers(item, viewer) : item), subscribers };
  });
};

const byName = (items: PathItem[], query: unknown): Page<PathItem> =>
  paginate(
    items.sort((a, b) => (a.name < b.name ? -1 : 1)),
    query,
  );

/** Shares a reply among equal requests in one turn of the event loop, in which the state cannot change: many viewers poll at once. */
export class PerTickCache {
  readonly #answers = new Map<string, Buffer>();

  /** @param question key of the reply */
  get(question: string, answer: () => unknown): Buffer {
    const known = this.#answers.get(question);
    if (known) {
      return known;
    }
    const bytes = Buffer.from(JSON.stringify(answer()));
    if (this.#answers.size === 0) {
      setImmediate(() => this.#answers.clear());
    }
    // Maximum number of replies that are kept in a turn of the event loop.
    if (this.#answers.size < 16) {
      this.#answers.set(question, bytes);
    }
    return bytes;
  }
}
