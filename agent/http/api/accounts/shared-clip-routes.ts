import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { GuestClip, Guests } from '../../../auth/accounts/guests.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { answers, operation, TimeText } from '../schema/schemas.ts';

export interface SharedClips {
  /** @throws PerchError notFound if the clip is no longer in the library */
  describe(clip: GuestClip): Promise<object>;
  /** @throws PerchError notFound if the clip is no longer in the library */
  send(clip: GuestClip, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
}

interface SharedClipOptions {
  readonly access: Pick<HttpAccess, 'identify' | 'ip'>;
  readonly guests: Pick<Guests, 'clip'>;
  readonly clips: SharedClips;
}

const Shared = Type.Object({
  title: Type.String({ description: 'Title of the camera.' }),
  start: TimeText,
  end: TimeText,
  bytes: Type.Integer({ description: 'Estimated size of the clip.' }),
  recordedSeconds: Type.Number({ description: 'Length of the clip without gaps, in seconds.' }),
});
export type SharedClip = Static<typeof Shared>;
const describe = operation(
  'guests',
  'The clip of the guest link whose cookie comes with the request',
  answers(Shared, 404),
);
const file = operation(
  'guests',
  'This clip as MP4',
  answers(Type.Any({ description: 'video/mp4, with ranges.' }), 404),
);

/**
 * The clip of a guest link. The clip is that of the link: a request names neither camera nor time, so a guest gets nothing else. For the
 * main port only, as all that cookies open.
 */
export const sharedClipRoutes: FastifyPluginAsync<SharedClipOptions> = async (app, { access, guests, clips }) => {
  const clipOf = (request: FastifyRequest): GuestClip => {
    const { sessionUser = '' } = access.identify(request);
    const clip = guests.clip(sessionUser);
    if (!clip) {
      throw new PerchError('unauthorized', 'open the link of a clip first', { ip: access.ip(request) });
    }
    return clip;
  };
  app.get('/v3/guest/clip', { schema: describe }, (request, reply) => {
    reply.header('Cache-Control', 'no-store');
    return clips.describe(clipOf(request));
  });
  app.get('/v3/guest/clip.mp4', { schema: file }, (request, reply) => clips.send(clipOf(request), request, reply));
};
