import type { FastifyInstance } from 'fastify';
import type { Component } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import type { FeatureRoutes, OwnHttps } from '../../features/contract.ts';
import { renewSessions } from '../../http/api/accounts/session-routes.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { announceUnsaved } from '../../http/listener/app.ts';
import { staticUi } from '../../http/pages/static-ui.ts';
import { type AccountRoutesDeps, accountRoutes } from '../accounts/account-routes.ts';
import { DeviceRoutes, type DeviceRoutesDeps } from '../device/device-routes.ts';
import type { MdnsName } from '../device/mdns-name.ts';
import { mountRoutes, type OpenFeatures } from '../features/open-features.ts';
import type { MountableRoutes } from '../servers/servers.ts';
import { type AddressRoutesDeps, addressRoutes } from './address-routes.ts';
import { ApiRoutes, type ApiRoutesDeps } from './api-routes.ts';
import { HttpPorts, type HttpPortsDeps } from './http-ports.ts';
import { MetricsAndProfiles, type MetricsAndProfilesDeps } from './metrics-and-profiles.ts';
import { PlaybackRoutes, type PlaybackRoutesDeps } from './playback-routes.ts';
import { ServerStats, type ServerStatsDeps } from './server-stats.ts';

export type HttpListenersDeps = AccountRoutesDeps &
  AddressRoutesDeps &
  ApiRoutesDeps &
  HttpPortsDeps &
  DeviceRoutesDeps &
  MetricsAndProfilesDeps &
  PlaybackRoutesDeps &
  ServerStatsDeps & {
    /** mDNS name of the box. */
    readonly name: Pick<MdnsName, 'current' | 'certificateNames'>;
  };

/** All HTTP listeners: the main port with everything, and MediaMTX's ports with one service each at `/`. */
export class HttpListeners {
  readonly #deps: HttpListenersDeps;
  readonly #diagnostics: MetricsAndProfiles;
  readonly #stats: ServerStats;
  readonly #api: ApiRoutes;
  readonly #playback: PlaybackRoutes;
  readonly #boxRoutes: DeviceRoutes;
  readonly #ports: HttpPorts;
  readonly #routes: readonly FeatureRoutes[];

  constructor(deps: HttpListenersDeps) {
    this.#deps = deps;
    this.#ports = new HttpPorts(deps);
    this.#diagnostics = new MetricsAndProfiles(deps);
    this.#stats = new ServerStats(deps);
    this.#boxRoutes = new DeviceRoutes(deps, this.#stats.started);
    this.#api = new ApiRoutes(deps, this.#stats, this.#boxRoutes);
    this.#playback = new PlaybackRoutes(deps);
    this.#routes = [
      addressRoutes(deps, this.#ports),
      accountRoutes(deps, this.#ports.https),
      this.#boxRoutes,
      ...deps.features.routes,
    ];
  }

  get mainPort(): number | undefined {
    return this.#ports.mainPort;
  }

  get mainHost(): string | undefined {
    return this.#ports.mainHost;
  }

  /** Port of HTTPS, or undefined if HTTPS is off. */
  get tlsPort(): number | undefined {
    return this.#ports.tlsPort;
  }

  /** Undefined: https is off. */
  get https(): OwnHttps | undefined {
    const { certificate } = this.#ports;
    const { own, name } = this.#deps;
    return certificate && { ...certificate, authority: own.authority()?.pem, names: name.certificateNames() };
  }

  get features(): OpenFeatures {
    return this.#deps.features;
  }

  /** Readings of the box. */
  readings(): ReturnType<DeviceRoutes['readings']> {
    return this.#boxRoutes.readings();
  }

  statistics(): ReturnType<ServerStats['stats']> {
    return this.#stats.stats();
  }

  components(): Component<Config>[] {
    const ports = this.#ports;
    return [
      ports.mainRoutes((app, access) => this.#mountMain(app, access)),
      ports.main(),
      ...this.#deps.servers.routes.flatMap((routes) =>
        routes.port
          ? [
              ports.ofService(routes.port.name, routes.port.label, (app, access) =>
                this.#mountServer(routes, app, access, ''),
              ),
            ]
          : [],
      ),
      ports.ofService('playback', 'playback port', (app, access) => this.#playback.mount(app, access, '')),
      ports.ofService('api', 'API port', async (app, access) => {
        announceUnsaved(app);
        await this.#api.mount(app, access);
      }),
      ports.ofService('metrics', 'metrics port', (app, access) =>
        this.#diagnostics.mountMetrics(app, access, this.#deps.servers, true),
      ),
      ports.ofService('pprof', 'profiling port', (app, access) => this.#diagnostics.mountPprof(app, access, true)),
      ports.requestTimes(),
      ...this.#deps.features.components(),
    ];
  }

  tlsComponent(): Component<Config> {
    return this.#ports.mainTls();
  }

  async #mountMain(app: FastifyInstance, access: HttpAccess): Promise<void> {
    const { accounts, pageFolder } = this.#deps;
    announceUnsaved(app);
    this.#deps.features.authenticate(app);
    app.addHook('onRequest', renewSessions({ accounts, access }));
    await mountRoutes(this.#routes, 'main', app, access);
    await this.#api.mount(app, access);
    await this.#playback.mount(app, access, '/playback');
    for (const routes of this.#deps.servers.routes) {
      await this.#mountServer(routes, app, access, `/${routes.protocol}`);
    }
    await this.#diagnostics.mountMetrics(app, access, this.#deps.servers, false);
    await this.#diagnostics.mountPprof(app, access, false);
    await app.register(staticUi, { folder: pageFolder, httpsPort: () => this.tlsPort });
  }

  #mountServer(routes: MountableRoutes, app: FastifyInstance, listener: HttpAccess, prefix: string): Promise<void> {
    const access = listener.as(routes.protocol, routes.openingMethod);
    const recorded = this.#playback.belowLive(access);
    const [zlm, replicas] = [this.features.calls(access), this.features.replicas(access)];
    return routes.mount(app, prefix, { ...this.#deps, access, recorded, zlm, replicas });
  }
}
