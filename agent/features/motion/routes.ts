import type { FastifyInstance, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { pathName } from '../../http/api/schema/names.ts';
import { answers, OrNull, operation, PathName, TimeText } from '../../http/api/schema/schemas.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { type Query, queryText } from '../../playback/read/query.ts';
import { requireRfc3339 } from '../../playback/read/rfc3339.ts';
import type { MotionMoments } from './moments/motion-moments.ts';

const Box = Type.Object({
  x: Type.Number(),
  y: Type.Number(),
  width: Type.Number(),
  height: Type.Number(),
  score: Type.Number({ minimum: 0, description: 'As above, of this box alone; 0: it does not count.' }),
});
const Motion = Type.Object({
  stream: Type.Union([Type.String(), Type.Null()], {
    description:
      'Path of the stream that is analysed: the sub stream where there is one. Null: no H.264 or H.265 video.',
  }),
  score: Type.Number({ minimum: 0, description: 'Share of what begins an event: 1 and more begins it.' }),
  moving: Type.Boolean({ description: 'An event lasts.' }),
  inHours: Type.Boolean({ description: 'Motion counts now: it is within motionHours.' }),
  boxes: Type.Union([Type.Array(Box, { maxItems: 16 }), Type.Null()], {
    description:
      'What moves, in shares of the picture. Null: the blocks of the pictures cannot be read, so that motionZones, motionMasks and motionMinSize have no effect.',
  }),
});
export type CameraMotion = Static<typeof Motion>;

const FOR_VIEWERS = { isForViewers: true } as const;
/** A week, also one in which the clock is set back. */
const MAX_DAYS = 8;
const DAY_S = 86_400;
const Share = (description: string) => Type.Optional(Type.Number({ minimum: 0, maximum: 1, description }));
const PERIOD = { from: TimeText, to: TimeText };
const BOX = {
  x: Share('Left edge of the box, in shares of the picture. Default: the whole picture.'),
  y: Share('Upper edge.'),
  width: Share('Width.'),
  height: Share('Height.'),
};
const Moments = Type.Object({
  moments: Type.Array(
    Type.Object({
      start: TimeText,
      duration: Type.Number({ description: 'Seconds.' }),
      peak: Type.String({ description: 'When most of the box moved. RFC 3339.' }),
      share: Type.Number({
        description: 'Share of the box that moved then, in cells of a 16th by a 9th of the picture.',
      }),
    }),
  ),
  isCut: Type.Boolean({ description: 'There are more moments: request a shorter period or a smaller box.' }),
  unreadSeconds: Type.Integer({
    description: 'Seconds of recordings in which motion was not looked for: POST to this address to read them.',
  }),
  unreadableSeconds: Type.Integer({
    description: 'Those of them that cannot be read: another codec, a missing disk, or only a copy in the archive.',
  }),
  progress: OrNull(Type.Number({ description: 'Share of these recordings that was read. Null: none are being read.' })),
});

interface MotionLookup {
  /** The present motion, or undefined if the path has no motion detection. */
  of(path: string): CameraMotion | undefined;
}

interface MotionRoutesOptions {
  readonly streams: MotionLookup;
  moments(): Promise<Pick<MotionMoments, 'find' | 'read'>>;
  readonly access: Pick<HttpAccess, 'limitedPerson'>;
}

/** `/cameras/motion/…`, `/motion/…` */
export function motionRoutes(app: FastifyInstance, { streams, moments, access }: MotionRoutesOptions): void {
  const schema = operation(
    'cameras',
    'How much moves in a stream now, with motionSource stream or both',
    answers(Motion, 404),
    {
      params: PathName,
    },
  );
  app.get('/cameras/motion/*', { schema }, async (request) => {
    const path = pathName(request);
    const found = streams.of(path);
    if (!found) {
      throw new PerchError('notFound', `no motion is detected in path '${path}'`, { path });
    }
    return found;
  });

  const find = operation(
    'recordings',
    'When something moved in a part of the picture',
    answers(Moments, 400, 404, 503),
    { params: PathName, querystring: Type.Object({ ...PERIOD, ...BOX }) },
  );
  app.get<{ Querystring: Query }>('/motion/moments/*', { schema: find, config: FOR_VIEWERS }, async (request) => {
    const { path, period } = wanted(request);
    const share = (name: 'x' | 'y' | 'width' | 'height', otherwise: number) => shareOf(request.query, name, otherwise);
    const box = { x: share('x', 0), y: share('y', 0), width: share('width', 1), height: share('height', 1) };
    const found = await (await moments()).find(path, period, box);
    return {
      ...found,
      progress: found.progress ?? null,
      moments: found.moments.map(({ startS, seconds, peakS, share }) => ({
        start: timeOf(startS),
        duration: seconds,
        peak: timeOf(peakS),
        share: Math.round(100 * share) / 100,
      })),
    };
  });
  const read = operation(
    'recordings',
    'Reads the recordings of a period in which motion was not looked for, in the background',
    answers(Type.Object({}), 400, 404, 503),
    { params: PathName, querystring: Type.Object(PERIOD) },
  );
  app.post<{ Querystring: Query }>('/motion/moments/*', { schema: read, config: FOR_VIEWERS }, async (request) => {
    const { path, period } = wanted(request);
    (await moments()).read(path, period, access.limitedPerson(request)?.name ?? '');
    return {};
  });

  /** @throws PerchError */
  function wanted(request: FastifyRequest<{ Querystring: Query }>) {
    const path = pathName(request);
    const viewer = access.limitedPerson(request);
    if (viewer && !viewer.may('playback', path)) {
      throw new PerchError('notFound', 'path not found', { path });
    }
    return { path, period: periodOf(request.query) };
  }
}

/** @throws PerchError badInput */
function periodOf(query: Query): { readonly fromS: number; readonly toS: number } {
  const fromS = Math.floor(requireRfc3339('from', queryText(query, 'from') ?? '').us / 1e6);
  const toS = Math.ceil(requireRfc3339('to', queryText(query, 'to') ?? '').us / 1e6);
  if (toS <= fromS || toS - fromS > MAX_DAYS * DAY_S) {
    throw new PerchError('badInput', `'to' must follow 'from' by ${MAX_DAYS} days at most`);
  }
  return { fromS, toS };
}

/** @throws PerchError badInput */
function shareOf(query: Query, name: string, otherwise: number): number {
  const text = queryText(query, name) ?? '';
  const share = text === '' ? otherwise : Number(text);
  if (!(share >= 0 && share <= 1)) {
    throw new PerchError('badInput', `invalid ${name}: '${text.slice(0, 64)}' is not a number from 0 to 1`);
  }
  return share;
}

const timeOf = (second: number): string => new Date(1000 * second).toISOString();
