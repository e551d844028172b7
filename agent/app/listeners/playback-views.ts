import type { FastifyRequest } from 'fastify';
import type { ViewLog } from '../../auth/accounts/view-log.ts';
import { PerchError } from '../../base/errors.ts';
import type { RemoteCameras } from '../../features/boxes/remote-cameras.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { serverOf } from '../../http/auth/signed-requests.ts';

/**
 * Access to recordings. Permitted requests are noted in the viewing history, except lists, which show no pictures. Paired servers get no camera of
 * another box that is not recorded here.
 */
export function withViews(
  access: HttpAccess,
  views: Pick<ViewLog, 'touch'>,
  remote: Pick<RemoteCameras, 'isElsewhere'>,
) {
  return {
    origin: (request: FastifyRequest) => access.origin(request),
    require: async (request: FastifyRequest, action: 'playback' | 'read', path: string): Promise<void> => {
      await access.require(request, action, path);
      if (serverOf(request) !== undefined && remote.isElsewhere(path)) {
        throw new PerchError('notFound', 'path not found', { path });
      }
      if (request.routeOptions.url?.endsWith('/list') !== true) {
        const { user, sessionUser = '', ip } = access.identify(request);
        views.touch(path, user ?? sessionUser, ip);
      }
    },
  };
}
