import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { pathName } from '../../http/api/schema/names.ts';
import { answers, operation, PathName } from '../../http/api/schema/schemas.ts';

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

interface MotionLookup {
  /** The present motion; undefined: the path has no motion detection. */
  of(path: string): CameraMotion | undefined;
}

/** `/cameras/motion/…` */
export function motionRoutes(app: FastifyInstance, motion: MotionLookup): void {
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
    const found = motion.of(path);
    if (!found) {
      throw new PerchError('notFound', `no motion is detected in path '${path}'`, { path });
    }
    return found;
  });
}
