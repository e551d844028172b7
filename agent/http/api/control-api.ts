import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../base/errors.ts';
import type { SessionTables } from '../../protocols/contract.ts';
import { answerNotFound } from '../listener/app.ts';
import { cors } from '../listener/cors.ts';
import { noStore, OK, OkAnswer } from '../messages/responses.ts';
import { type OpenApiOptions, openApiRoutes } from '../openapi/routes.ts';
import { type CameraCommands, cameraControlRoutes } from './cameras/camera-control.ts';
import { type CameraLookup, cameraRoutes } from './cameras/cameras.ts';
import { type LayoutStore, layoutRoutes } from './cameras/layouts.ts';
import { type CameraMasks, maskRoutes } from './cameras/masks.ts';
import { type CameraOwnSettings, ownSettingsRoutes } from './cameras/own-settings.ts';
import { type ConfigRoutesOptions, configRoutes } from './device/config.ts';
import { type ProblemLookup, problemRoutes } from './device/problems.ts';
import { type StatsLookup, statsRoutes } from './device/stats.ts';
import { type DeletionLookup, deletionRoutes } from './recordings/deletions.ts';
import { type DiskLookup, diskRoutes } from './recordings/disks.ts';
import { eventListRoutes } from './recordings/event-list.ts';
import { type EventStreams, eventStreamRoutes } from './recordings/event-stream.ts';
import { type EventIntake, eventRoutes } from './recordings/events.ts';
import { type ProtectionLookup, protectedRoutes } from './recordings/protected.ts';
import { type RecordingLookup, recordingRoutes } from './recordings/recordings.ts';
import { reviewRoutes } from './recordings/reviews.ts';
import { timelineRoutes } from './recordings/timeline.ts';
import { answers, operation } from './schema/schemas.ts';
import { isForServers, isForViewers, isSteering, maySteer, type Viewer } from './schema/visibility.ts';
import { publisherRoutes } from './streams/audience.ts';
import { type ForwardLookup, forwardRoutes } from './streams/forwards.ts';
import { type PathLookup, pathRoutes } from './streams/paths.ts';
import { readerRoutes } from './streams/readers.ts';
import { sessionRoutes } from './streams/session-routes.ts';

export interface ControlApiOptions extends ConfigRoutesOptions {
  readonly access: {
    require(request: FastifyRequest, action: 'api', path: string): Promise<void>;
    /** The viewer or guest whose cookie came with the request. */
    limitedPerson?(request: FastifyRequest): Viewer | undefined;
    ip(request: FastifyRequest): string;
    origin(request: FastifyRequest): { readonly baseUrl: string };
  };
  /** The paired server that has signed the request. */
  pairedServer?(request: FastifyRequest): Viewer | undefined;
  allowOrigins(): readonly string[];
  /** The name of the owner or viewer; undefined for guests and programs without a name. */
  personOf(request: FastifyRequest): string | undefined;
  readonly info: { readonly version: string /** RFC 3339. */; readonly started: string };
  readonly paths: PathLookup & ForwardLookup;
  readonly sessions: SessionTables;
  readonly recordings: RecordingLookup;
  readonly events: EventIntake;
  readonly protection: ProtectionLookup;
  readonly deletions: DeletionLookup;
  readonly disks: DiskLookup;
  /** Cached keys of tokens (`authMethod: jwt`); after `refresh` the next token fetches them. */
  readonly keys: { refresh(): void };
  readonly stats: StatsLookup;
  readonly box: ProblemLookup;
  readonly streams: EventStreams;
  readonly cameras: CameraLookup;
  readonly steering: CameraCommands;
  readonly ownSettings: CameraOwnSettings;
  readonly masks: CameraMasks;
  readonly layouts: LayoutStore;
  /** Kinds of problems in addition to the box's own. */
  readonly problemKinds: readonly string[];
  /** Registers the routes of features. */
  mountFeatures(v3: FastifyInstance): Promise<void>;
  readonly pageFolder: string;
}

const INFO = operation(
  'box',
  'Version and start time',
  answers(Type.Object({ version: Type.String(), started: Type.String() })),
);

const REFRESH = operation('access', 'Fetch the keys of tokens (authJWTJWKS) again', answers(OkAnswer));

/** MediaMTX's control API, `/v3/…`, registered at the root of a listener. Every request needs the action `api`, also to unknown routes. */
export const controlApi: FastifyPluginAsync<ControlApiOptions> = async (app, options) => {
  await app.register(v3, { ...options, prefix: '/v3' });
};

const v3: FastifyPluginAsync<ControlApiOptions> = async (app, options) => {
  acceptAnyJson(app);
  app.addHook(
    'onRequest',
    cors(() => options.allowOrigins(), 'OPTIONS, GET, POST, PATCH, DELETE', 'Authorization, Content-Type'),
  );
  app.addHook('onRequest', async ({ headers }) => {
    // Ignored, as in MediaMTX, even if it is not a media type.
    if (headers['content-type'] !== undefined) {
      headers['content-type'] = 'application/json';
    }
  });
  const { access } = options;
  const serverOf = (request: FastifyRequest) => options.pairedServer?.(request);
  const viewerOf = (request: FastifyRequest) => serverOf(request) ?? access.limitedPerson?.(request);
  const admit = async (request: FastifyRequest): Promise<void> => {
    const viewer = viewerOf(request);
    const isOpen =
      (viewer?.isServer ? isForServers(request) : isForViewers(request)) ||
      (viewer !== undefined && maySteer(request, viewer));
    if (!isOpen || !viewer) {
      await access.require(request, 'api', '');
    }
  };
  app.addHook('onRequest', admit);
  // The right may have been withdrawn while the body came.
  app.addHook('preHandler', async (request) => (isSteering(request) ? admit(request) : undefined));
  noStore(app);
  app.setNotFoundHandler((request, reply) => answerNotFound(app, '/v3', request, reply));

  app.get('/info', { schema: INFO }, () => options.info);
  const { paths, sessions } = options;
  await app.register(pathRoutes, { paths, viewerOf, sessions });
  await app.register(forwardRoutes, { forwards: paths });
  await app.register(publisherRoutes, { paths, sessions });
  await app.register(readerRoutes, { sessions });
  const { config, edits, editorOf } = options;
  await app.register(configRoutes, { config, edits, editorOf });
  await app.register(sessionRoutes, { sessions });
  await app.register(recordingRoutes, { recordings: options.recordings });
  await app.register(timelineRoutes, { recordings: options.recordings, viewerOf });
  await app.register(eventRoutes, { events: options.events });
  const personOf = (request: FastifyRequest) => options.personOf(request);
  await app.register(eventListRoutes, { recordings: options.recordings, viewerOf, personOf });
  await app.register(reviewRoutes, { recordings: options.recordings, layouts: options.layouts, viewerOf, personOf });
  await app.register(protectedRoutes, { protection: options.protection, viewerOf, personOf });
  await app.register(deletionRoutes, { deletions: options.deletions, personOf });
  await app.register(diskRoutes, { disks: options.disks });
  // The second address is that of some guides of MediaMTX.
  for (const address of ['/auth/jwks/refresh', '/auth/jwt/jwks/refresh']) {
    app.post(address, { schema: REFRESH }, () => {
      options.keys.refresh();
      return OK;
    });
  }
  await app.register(statsRoutes, { stats: options.stats });
  await app.register(problemRoutes, { box: options.box, problemKinds: options.problemKinds });
  await app.register(cameraRoutes, { cameras: options.cameras });
  await app.register(cameraControlRoutes, { steering: options.steering });
  await app.register(ownSettingsRoutes, { settings: options.ownSettings });
  await app.register(layoutRoutes, { layouts: options.layouts, viewerOf });
  await app.register(maskRoutes, { masks: options.masks });
  await options.mountFeatures(app);
  await app.register(eventStreamRoutes, { streams: options.streams, access, viewerOf });
  const openApi: OpenApiOptions = {
    version: options.info.version,
    pageFolder: options.pageFolder,
    baseUrl: (request) => access.origin(request).baseUrl,
  };
  await app.register(openApiRoutes, openApi);
};

/** MediaMTX's clients send JSON under any Content-Type, or none. */
export function acceptAnyJson(app: Parameters<FastifyPluginAsync>[0]): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: FastifyRequest, body: string | Buffer) => {
    if (body.length === 0) {
      return undefined;
    }
    try {
      return JSON.parse(body.toString());
    } catch (cause) {
      throw new PerchError('badInput', 'the body is not JSON', {}, cause);
    }
  });
}
