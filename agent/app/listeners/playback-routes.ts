import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ViewLog } from '../../auth/accounts/view-log.ts';
import { PerchError } from '../../base/errors.ts';
import type { Host } from '../../features/contract.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { serverOf } from '../../http/auth/signed-requests.ts';
import { cors } from '../../http/listener/cors.ts';
import { playbackPlugin } from '../../playback/stores/plugin.ts';
import { rewindAddresses, vodRoutes } from '../../playback/stores/vod-routes.ts';
import { PictureTurns } from '../../playback/vod/picture.ts';
import type { LivePictures } from '../../recordings/live-pictures.ts';
import type { Recordings } from '../../recordings/recordings.ts';
import { personOf } from './api-routes.ts';

export interface PlaybackRoutesDeps extends Pick<Host, 'config'> {
  readonly recordings: Recordings;
  readonly pictures: LivePictures;
  readonly views: ViewLog;
}

/** Recordings: on the playback port, below `/playback` of the main port, and below the live address of their path. */
export class PlaybackRoutes {
  readonly #deps: PlaybackRoutesDeps;
  readonly #pictureTurns = new PictureTurns();

  constructor(deps: PlaybackRoutesDeps) {
    this.#deps = deps;
  }

  async mount(app: FastifyInstance, listener: HttpAccess, prefix: string): Promise<void> {
    const { config, pictures, recordings } = this.#deps;
    const { stores } = recordings;
    const access = this.#withViews(listener);
    const allow = (methods: string, headers: string) => cors(() => config().playbackAllowOrigins, methods, headers);
    await app.register(playbackPlugin, { prefix, access, stores, cors: allow });
    await app.register(vodRoutes, {
      prefix,
      access,
      stores,
      cors: allow,
      inTurn: (request, work) => this.#pictureTurns.run(personOf(listener, request) ?? request.ip, work),
      livePicture: (path, width) => pictures.keyFrame(path, width),
    });
  }

  /** Recordings below the live address of their path. */
  belowLive(access: HttpAccess) {
    return rewindAddresses({ stores: this.#deps.recordings.stores, access: this.#withViews(access) });
  }

  /**
   * Permitted requests are noted in the viewing history, except lists, which show no pictures. Paired servers get no camera of
   * another box that is not recorded here.
   */
  #withViews(access: HttpAccess) {
    const { views, recordings } = this.#deps;
    return {
      origin: (request: FastifyRequest) => access.origin(request),
      require: async (request: FastifyRequest, action: 'playback' | 'read', path: string): Promise<void> => {
        await access.require(request, action, path);
        if (serverOf(request) !== undefined && recordings.stores.isElsewhere(path)) {
          throw new PerchError('notFound', 'path not found', { path });
        }
        if (request.routeOptions.url?.endsWith('/list') !== true) {
          const { user, sessionUser = '', ip } = access.identify(request);
          views.touch(path, user ?? sessionUser, ip);
        }
      },
    };
  }
}
