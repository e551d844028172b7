import type { FastifyRequest } from 'fastify';
import type { ViewLog } from '../../auth/accounts/view-log.ts';
import type { HttpAccess } from '../../http/auth/access.ts';

/** The access of recordings, which notes in the viewing history what it permits. A list shows no pictures. */
export function withViews(access: HttpAccess, views: Pick<ViewLog, 'touch'>) {
  return {
    origin: (request: FastifyRequest) => access.origin(request),
    require: async (request: FastifyRequest, action: 'playback', path: string): Promise<void> => {
      await access.require(request, action, path);
      if (request.routeOptions.url?.endsWith('/list') !== true) {
        const { user, sessionUser = '', ip } = access.identify(request);
        views.touch(path, user ?? sessionUser, ip);
      }
    },
  };
}
