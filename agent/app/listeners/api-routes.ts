import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { PairedServers } from '../../auth/pairing/paired-servers.ts';
import type { EventBus } from '../../base/event-bus.ts';
import type { Editor } from '../../config/edit/api-edits.ts';
import { globalJson, pathDefaultsJson, pathListJson } from '../../config/edit/json.ts';
import type { Host } from '../../features/contract.ts';
import { type ControlApiOptions, controlApi } from '../../http/api/control-api.ts';
import type { ProblemLookup } from '../../http/api/device/problems.ts';
import { EventStreams } from '../../http/api/recordings/event-stream.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { serverOf } from '../../http/auth/signed-requests.ts';
import type { PathTable } from '../../paths/path-table.ts';
import type { Recordings } from '../../recordings/recordings.ts';
import { mountRoutes, type OpenFeatures } from '../features/open-features.ts';
import type { Servers } from '../servers/servers.ts';
import type { SourceTests } from '../servers/source-tests.ts';
import type { ServerStats } from './server-stats.ts';

export interface ApiRoutesDeps
  extends Pick<Host, 'version' | 'clock' | 'config' | 'settings' | 'edits' | 'steering'>,
    Pick<ControlApiOptions, 'cameras' | 'layouts' | 'masks' | 'ownSettings' | 'pageFolder'> {
  readonly authority: ControlApiOptions['keys'];
  readonly paths: PathTable;
  readonly recordings: Recordings;
  readonly servers: Servers;
  readonly events: EventBus;
  readonly sourceTests: SourceTests;
  readonly pairedServers: PairedServers;
  readonly features: OpenFeatures;
}

/** MediaMTX's control API, on its own port and on the main port. */
export class ApiRoutes {
  readonly #deps: ApiRoutesDeps;
  readonly #stats: ServerStats;
  readonly #box: ProblemLookup;
  readonly #streams: EventStreams;

  constructor(deps: ApiRoutesDeps, stats: ServerStats, box: ProblemLookup) {
    this.#deps = deps;
    this.#stats = stats;
    this.#box = box;
    this.#streams = new EventStreams(deps.events, deps.clock);
  }

  async mount(app: FastifyInstance, access: HttpAccess): Promise<void> {
    const { paths, recordings, settings, features, authority, servers: sessions, pairedServers } = this.#deps;
    await app.register(controlApi, {
      ...this.#deps,
      steering: features.steering(this.#deps.steering.asPerson),
      access,
      pairedServer: (request) => {
        const server = pairedServers.find(serverOf(request) ?? '');
        const may = (action: string, path: string) =>
          server?.may(action, path) === true && !recordings.stores.isElsewhere(path, action);
        return server && { may, isServer: true };
      },
      allowOrigins: () => this.#deps.config().apiAllowOrigins,
      info: { version: this.#deps.version, started: this.#stats.started },
      config: {
        keys: settings().keys,
        global: () => globalJson(settings()),
        pathDefaults: () => pathDefaultsJson(settings()),
        paths: () => pathListJson(settings()),
        forecast: (config) => paths.forecast(features.inForce(config)),
        testSource: (config, name, signal) => this.#deps.sourceTests.run(config, name, signal),
      },
      editorOf: (request) => this.#editorOf(access, request),
      personOf: (request) => personOf(access, request),
      sessions,
      recordings,
      protection: features.protection ?? recordings.space.protection,
      deletions: recordings.space.rangeDeletions,
      disks: recordings.space,
      box: this.#box,
      keys: authority,
      events: recordings.events,
      stats: this.#stats,
      streams: this.#streams,
      problemKinds: features.problemKinds,
      mountFeatures: (v3) => mountRoutes(features.routes, 'api', v3, access),
    });
  }

  /**
   * In Perch's own setup only the owner changes permissions and commands. With a MediaMTX file each user with the
   * `api` permission does, as in MediaMTX.
   */
  async #editorOf(access: HttpAccess, request: FastifyRequest): Promise<Editor> {
    const { user, sessionUser } = access.identify(request);
    const name = user ?? sessionUser;
    const hasAllRights = !this.#deps.config().isOwn || (await access.mayAlso(request, 'admin'));
    return { hasAllRights, ...(name === undefined ? {} : { user: name }) };
  }
}

export function personOf(access: HttpAccess, request: FastifyRequest): string | undefined {
  const { user, sessionUser } = access.identify(request);
  return access.limitedPerson(request)?.role === 'guest' ? undefined : user || sessionUser;
}
