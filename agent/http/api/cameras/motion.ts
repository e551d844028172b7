import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { nameOf } from '../schema/names.ts';
import { answers, operation, PathName } from '../schema/schemas.ts';

const Motion = Type.Object({
  stream: Type.Union([Type.String(), Type.Null()], {
    description:
      'Path of the stream that is analysed: the sub stream where there is one. Null: no H.264 or H.265 video.',
  }),
  score: Type.Number({ minimum: 0, description: 'Share of what begins an event: 1 and more begins it.' }),
  moving: Type.Boolean(),
});
export type CameraMotion = Static<typeof Motion>;

export interface MotionLookup {
  /** How much moves now; undefined: the path has no motion detection. */
  of(path: string): CameraMotion | undefined;
}

/** `/cameras/motion/…` */
export const motionRoutes: FastifyPluginAsync<{ motion: MotionLookup }> = async (app, { motion }) => {
  const schema = operation(
    'cameras',
    'How much moves in a stream now, with motionSource stream or both',
    answers(Motion, 404),
    {
      params: PathName,
    },
  );
  app.get('/cameras/motion/*', { schema }, async (request) => {
    const path = nameOf(request);
    const found = motion.of(path);
    if (!found) {
      throw new PerchError('notFound', `no motion is detected in path '${path}'`, { path });
    }
    return found;
  });
};
