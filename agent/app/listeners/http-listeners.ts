import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { EventLoopWatch } from '../../../system/event-loop.ts';
import type { ProcessLoad } from '../../../system/process-load.ts';
import type { ViewLog } from '../../auth/accounts/view-log.ts';
import type { EventBus } from '../../base/event-bus.ts';
import type { LogLines } from '../../base/log-lines.ts';
import type { Component } from '../../base/reconciler.ts';
import type { Editor } from '../../config/edit/api-edits.ts';
import type { FileEdits } from '../../config/edit/file-edits.ts';
import { globalJson, pathDefaultsJson, pathListJson } from '../../config/edit/json.ts';
import type { OwnKeys } from '../../config/file/key-pair.ts';
import type { Config } from '../../config/load/load.ts';
import { isSerious, type Problem, problemText } from '../../config/yaml/problem.ts';
import type { ManyBoxes } from '../../features/boxes/many-boxes.ts';
import { boxRoutes } from '../../features/boxes/routes.ts';
import { pairedRecordingRoutes } from '../../features/boxes/serving/paired-recording-routes.ts';
import { pairedServerRoutes } from '../../features/boxes/serving/paired-server-routes.ts';
import { Pairing, type PairingDeps } from '../../features/boxes/serving/pairing.ts';
import { OwnRecordingFiles } from '../../features/boxes/serving/recording-files.ts';
import type { Host } from '../../features/contract.ts';
import { devicePasswordRoutes } from '../../http/api/accounts/device-password-routes.ts';
import { guestRoutes } from '../../http/api/accounts/guest-routes.ts';
import { peopleRoutes } from '../../http/api/accounts/people-routes.ts';
import { secondFactorRoutes } from '../../http/api/accounts/second-factor-routes.ts';
import { renewSessions, sessionRoutes } from '../../http/api/accounts/session-routes.ts';
import { sharedClipRoutes } from '../../http/api/accounts/shared-clip-routes.ts';
import { viewRoutes } from '../../http/api/accounts/view-routes.ts';
import type { CameraLookup } from '../../http/api/cameras/cameras.ts';
import type { LayoutStore } from '../../http/api/cameras/layouts.ts';
import type { CameraMasks } from '../../http/api/cameras/masks.ts';
import type { MotionLookup } from '../../http/api/cameras/motion.ts';
import type { CameraOwnSettings } from '../../http/api/cameras/own-settings.ts';
import { controlApi } from '../../http/api/control-api.ts';
import { archiveRoutes } from '../../http/api/device/archive-routes.ts';
import { httpsRoute } from '../../http/api/device/https-route.ts';
import type { ModeControl } from '../../http/api/device/mode.ts';
import { qrRoute } from '../../http/api/device/qr-route.ts';
import type { BackupControl } from '../../http/api/device/restore-routes.ts';
import { serverRoutes } from '../../http/api/device/server-routes.ts';
import { EventStreams } from '../../http/api/recordings/event-stream.ts';
import { transferRoutes } from '../../http/api/recordings/transfer-routes.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { HttpsAddresses } from '../../http/auth/https-addresses.ts';
import { serverOf, verifySignatures } from '../../http/auth/signed-requests.ts';
import { cors } from '../../http/listener/cors.ts';
import { announceUnsaved } from '../../http/listener/unsaved.ts';
import { healthRoute } from '../../http/pages/health.ts';
import { staticUi } from '../../http/pages/static-ui.ts';
import { type TrustLookup, trustRoutes } from '../../http/pages/trust/trust-routes.ts';
import { zlmRoutes } from '../../http/pages/zlm-routes.ts';
import type { PathTable } from '../../paths/path-table.ts';
import { playbackPlugin } from '../../playback/plugin.ts';
import { PictureTurns } from '../../playback/vod/picture-turns.ts';
import { rewindAddresses, vodRoutes } from '../../playback/vod/vod-routes.ts';
import type { LivePictures } from '../../recordings/live-pictures.ts';
import type { Recordings } from '../../recordings/recordings.ts';
import { Archive } from '../archive/archive.ts';
import { DeviceRoutes } from '../device/device-routes.ts';
import type { OpenFeatures } from '../features/open-features.ts';
import type { HookRunner } from '../servers/hook-runner.ts';
import type { MountableRoutes, Servers } from '../servers/servers.ts';
import type { SourceTests } from '../servers/source-tests.ts';
import { Transfers } from '../transfer/transfers.ts';
import { ZlmApi } from '../zlm/zlm.ts';
import { GuestClips } from './guest-clips.ts';
import { healthOf } from './health-check.ts';
import { HttpPorts, type HttpPortsDeps } from './http-ports.ts';
import { httpsState } from './https-state.ts';
import { MetricsAndProfiles } from './metrics-and-profiles.ts';
import { withViews } from './playback-views.ts';
import { serverStats } from './server-stats.ts';

/** Delay between an opened page and loading the code for live video, which takes 0.3 s of CPU time: the page is answered first. */
const PREPARE_AFTER_MS = 250;

export interface HttpListenersDeps
  extends HttpPortsDeps,
    Pick<Host, 'version' | 'dataDir' | 'steering' | 'settings' | 'edits' | 'signal'> {
  readonly own: OwnKeys & Pick<TrustLookup, 'authority'>;
  readonly pageFolder: string;
  /** mDNS name of the box. */
  readonly name: PairingDeps['name'];
  /** The latest log lines. */
  readonly lines?: LogLines;
  readonly restart?: () => void;
  readonly hostAnswers?: string;
  readonly paths: PathTable;
  readonly recordings: Recordings;
  readonly pictures: LivePictures;
  readonly views: ViewLog;
  readonly load: ProcessLoad;
  readonly loop: EventLoopWatch;
  readonly commands: HookRunner;
  readonly events: EventBus;
  readonly cameras: CameraLookup;
  readonly ownSettings: CameraOwnSettings;
  readonly masks: CameraMasks;
  readonly motion: MotionLookup;
  readonly layouts: LayoutStore;
  readonly sourceTests: SourceTests;
  readonly modes: ModeControl;
  /** A configuration as the present mode changes it. */
  inMode(config: Config): Config;
  readonly configFile: FileEdits;
  readonly backup: BackupControl;
  /** Problems of the current configuration file. */
  problems(): readonly Problem[];
  readonly servers: Servers;
  readonly boxes: ManyBoxes;
  readonly features: OpenFeatures;
  /** Generated secret of ZLMediaKit's API, used if the configuration has none. */
  readonly zlmSecret: string;
}

/** All HTTP listeners: the main port with everything, and MediaMTX's ports with one service each at `/`. */
export class HttpListeners {
  readonly #pictureTurns = new PictureTurns();
  readonly zlm: ZlmApi;
  readonly #deps: HttpListenersDeps;
  readonly #started: string;
  readonly #diagnostics: MetricsAndProfiles;
  readonly #startedMs: number;
  readonly #eventStreams: EventStreams;
  readonly #boxRoutes: DeviceRoutes;
  readonly #archive: Archive;
  readonly #transfers: Transfers;
  readonly #ports: HttpPorts;
  readonly #pairing: Pairing;
  readonly #https = new HttpsAddresses(() => this.tlsPort);

  constructor(deps: HttpListenersDeps) {
    this.#deps = deps;
    this.#ports = new HttpPorts(deps);
    this.#pairing = new Pairing({ ...deps, pairedServers: deps.boxes.servers }, () => this.#ports.certificate);
    this.#archive = new Archive(deps);
    this.#transfers = new Transfers(deps);
    this.#diagnostics = new MetricsAndProfiles({ ...deps, archive: this.#archive });
    this.#started = new Date(deps.clock.wallMs()).toISOString();
    this.#startedMs = deps.clock.monoMs();
    this.#eventStreams = new EventStreams(deps.events, deps.clock);
    this.#boxRoutes = new DeviceRoutes({ ...deps, archive: this.#archive });
    this.zlm = new ZlmApi({
      ...deps,
      madeSecret: deps.zlmSecret,
      sessions: this.#deps.servers,
      statistics: async () => ({ ...(await serverStats(deps, this.#started, this.#startedMs)) }),
    });
  }

  get mainPort(): number | undefined {
    return this.#ports.mainPort;
  }

  get mainHost(): string | undefined {
    return this.#ports.mainHost;
  }

  /** Port of HTTPS; undefined: HTTPS is off. */
  get tlsPort(): number | undefined {
    return this.#ports.tlsPort;
  }

  get features(): OpenFeatures {
    return this.#deps.features;
  }

  /** Readings of the box. */
  readings(): ReturnType<DeviceRoutes['readings']> {
    return this.#boxRoutes.readings();
  }

  components(): Component<Config>[] {
    const ports = this.#ports;
    return [
      this.#transfers.component(),
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
      ports.ofService('playback', 'playback port', (app, access) => this.#mountPlayback(app, access, '')),
      ports.ofService('api', 'API port', async (app, access) => {
        announceUnsaved(app);
        await this.#mountApi(app, access);
      }),
      ports.ofService('metrics', 'metrics port', (app, access) =>
        this.#diagnostics.mountMetrics(app, access, this.#deps.servers, true),
      ),
      ports.ofService('pprof', 'profiling port', (app, access) => this.#diagnostics.mountPprof(app, access, true)),
      ports.requestTimes(),
      ...this.#deps.features.components(),
      this.#archive.component(),
    ];
  }

  tlsComponent(): Component<Config> {
    return this.#ports.mainTls();
  }

  async #mountMain(app: FastifyInstance, access: HttpAccess): Promise<void> {
    const { accounts, authority, wrongCredentials, pageFolder } = this.#deps;
    const pairing = this.#pairing;
    announceUnsaved(app);
    verifySignatures(app, { signatures: pairing.signatures, paired: pairing.servers }, pairing.connections);
    app.addHook('onRequest', renewSessions({ accounts, access }));
    const warnings = () => [
      ...authority.warnings.map((text) => ({ why: null, file: null, text })),
      ...this.#deps
        .problems()
        .filter(isSerious)
        .map((problem) => ({ why: problem.why ?? null, file: problem.file, text: problemText(problem) })),
    ];
    const health = {
      status: () => healthOf(this.#deps),
      get isClaimed() {
        return accounts.owner !== undefined;
      },
    };
    await app.register(healthRoute, { health });
    await app.register(trustRoutes, {
      trust: { authority: () => this.#deps.own.authority(), port: () => this.tlsPort, box: this.#https.box },
    });
    const state = () => httpsState(this.#deps.config(), this.#ports, this.#deps.own.authority()?.fingerprint);
    await app.register(httpsRoute, { access, state });
    await app.register(qrRoute, { access });
    const { servers, config } = this.#deps;
    await app.register(serverRoutes, { access, servers: () => servers.publishing(config()) });
    await this.#deps.features.mount('main', app, access);
    await app.register(archiveRoutes, { access, archive: this.#archive });
    await app.register(transferRoutes, { access, transfer: this.#transfers });
    await app.register(sessionRoutes, {
      accounts,
      access,
      wrongCredentials,
      https: this.#https,
      notices: {
        get isOpen() {
          return authority.isOpen;
        },
        get warnings() {
          return warnings();
        },
      },
      onPageOpened: () => {
        const { clock, signal, servers } = this.#deps;
        void clock.sleep(PREPARE_AFTER_MS, signal).then(() => signal.aborted || servers.prepare());
      },
    });
    await app.register(peopleRoutes, { access, people: accounts.people });
    await app.register(secondFactorRoutes, {
      accounts,
      access,
      wrongCredentials,
    });
    await app.register(viewRoutes, { access, views: this.#deps.views });
    const wallMs = () => this.#deps.clock.wallMs();
    await app.register(pairedServerRoutes, { access, pairing, wallMs });
    await app.register(pairedRecordingRoutes, {
      access,
      files: new OwnRecordingFiles(this.#deps),
      may: (server, path) => this.#deps.boxes.servers.find(server)?.may('playback', path) === true,
    });
    await app.register(boxRoutes, { access, boxes: this.#deps.boxes.paths });
    await app.register(devicePasswordRoutes, {
      access,
      people: accounts.people,
      protocols: this.#deps.servers.protocols,
    });
    const clips = new GuestClips({ access, recordings: this.#deps.recordings, views: this.#deps.views });
    await app.register(guestRoutes, { access, people: accounts.people, wrongCredentials, clips, wallMs });
    await app.register(sharedClipRoutes, { access, guests: accounts.people.guests, clips });
    await this.#boxRoutes.mount(app, access, this.#started);
    await this.#mountApi(app, access);
    await this.#mountPlayback(app, access, '/playback');
    for (const routes of this.#deps.servers.routes) {
      await this.#mountServer(routes, app, access, `/${routes.protocol}`);
    }
    await app.register(zlmRoutes, { access, zlm: this.zlm });
    await this.#diagnostics.mountMetrics(app, access, this.#deps.servers, false);
    await this.#diagnostics.mountPprof(app, access, false);
    await app.register(staticUi, { folder: pageFolder, httpsPort: () => this.tlsPort });
  }

  #mountServer(routes: MountableRoutes, app: FastifyInstance, listener: HttpAccess, prefix: string): Promise<void> {
    const access = listener.as(routes.protocol, routes.openingMethod);
    const { playback } = this.#deps.recordings;
    const remote = this.#deps.boxes.recordings;
    const recorded = rewindAddresses({
      streams: playback.streams,
      frames: playback,
      access: withViews(access, this.#deps.views, remote),
      remote,
    });
    return routes.mount(app, prefix, { ...this.#deps, access, recorded, zlm: this.zlm.on(access) });
  }

  async #mountPlayback(app: FastifyInstance, listener: HttpAccess, prefix: string): Promise<void> {
    const { recordings, views } = this.#deps;
    const remote = this.#deps.boxes.recordings;
    const access = withViews(listener, views, remote);
    const { playback } = recordings;
    const allow = (methods: string, headers: string) =>
      cors(() => this.#deps.config().playbackAllowOrigins, methods, headers);
    const titleOf = (path: string) => recordings.titleOf(path);
    await app.register(playbackPlugin, { prefix, access, playback, remote, titleOf, cors: allow });
    await app.register(vodRoutes, {
      prefix,
      access,
      streams: playback.streams,
      frames: playback,
      remote,
      cors: allow,
      inTurn: (request, work) => this.#pictureTurns.run(personOf(listener, request) ?? request.ip, work),
      livePicture: (path, width) => this.#deps.pictures.keyFrame(path, width),
    });
  }

  async #mountApi(app: FastifyInstance, access: HttpAccess): Promise<void> {
    const { paths, recordings } = this.#deps;
    const { recordings: remote, servers } = this.#deps.boxes;
    await app.register(controlApi, {
      access,
      pairedServer: (request) => {
        const server = servers.find(serverOf(request) ?? '');
        const may = (action: string, path: string) => server?.may(action, path) === true && !remote.isElsewhere(path);
        return server && { may, isServer: true };
      },
      allowOrigins: () => this.#deps.config().apiAllowOrigins,
      info: { version: this.#deps.version, started: this.#started },
      paths,
      config: {
        keys: this.#deps.settings().keys,
        global: () => globalJson(this.#deps.settings()),
        pathDefaults: () => pathDefaultsJson(this.#deps.settings()),
        paths: () => pathListJson(this.#deps.settings()),
        foresee: (config) => paths.foresee(this.#deps.inMode(config)),
        testSource: (config, name, signal) => this.#deps.sourceTests.run(config, name, signal),
      },
      edits: this.#deps.edits,
      editorOf: (request) => this.#editorOf(access, request),
      personOf: (request) => personOf(access, request),
      sessions: this.#deps.servers,
      recordings: remote,
      protection: remote.protection,
      deletions: recordings.space.rangeDeletions,
      disks: recordings.space,
      box: this.#boxRoutes,
      keys: this.#deps.authority,
      events: recordings.events,
      stats: { stats: () => serverStats(this.#deps, this.#started, this.#startedMs) },
      streams: this.#eventStreams,
      cameras: this.#deps.cameras,
      steering: this.#deps.steering,
      ownSettings: this.#deps.ownSettings,
      masks: this.#deps.masks,
      motion: this.#deps.motion,
      layouts: this.#deps.layouts,
      modes: this.#deps.modes,
      problemKinds: this.#deps.features.problemKinds,
      mountFeatures: (v3) => this.#deps.features.mount('api', v3, access),
      pageFolder: this.#deps.pageFolder,
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

function personOf(access: HttpAccess, request: FastifyRequest): string | undefined {
  const { user, sessionUser } = access.identify(request);
  return access.limitedPerson(request)?.role === 'guest' ? undefined : user || sessionUser;
}
