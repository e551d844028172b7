import { EventLoopWatch } from '../../system/event-loop.ts';
import { optimizeForMedia } from '../../system/memory.ts';
import { ProcessLoad } from '../../system/process-load.ts';
import type { Accounts } from '../auth/accounts/accounts.ts';
import { SecretKey } from '../auth/accounts/secret-key.ts';
import { ViewLog } from '../auth/accounts/view-log.ts';
import { Authority } from '../auth/permissions/authorize.ts';
import { rulesOf } from '../auth/permissions/rules.ts';
import { WrongCredentials } from '../auth/throttle/wrong-credentials.ts';
import type { EventBus } from '../base/event-bus.ts';
import { setLogLevel } from '../base/log.ts';
import { LOG_KEYS } from '../base/log-output.ts';
import { PreLoginMemory } from '../base/network/pre-login-memory.ts';
import { pick } from '../base/pick.ts';
import { Reconciler } from '../base/reconciler.ts';
import { cameraControl } from '../cameras/camera-control.ts';
import { CameraSearch } from '../cameras/camera-search.ts';
import { Cameras } from '../cameras/cameras.ts';
import type { IdentityWatch } from '../cameras/identity-checked-source.ts';
import { Layouts } from '../cameras/layouts.ts';
import { OnvifFeatures } from '../cameras/onvif/onvif-features.ts';
import { pinCertificates } from '../cameras/onvif/onvif-link.ts';
import { ApiEdits } from '../config/edit/api-edits.ts';
import { FileEdits } from '../config/edit/file-edits.ts';
import type { Config } from '../config/load/load.ts';
import type { PathSettings } from '../config/schema/path.ts';
import type { ConfigStore } from '../config/store/store.ts';
import { ManyBoxes } from '../features/boxes/many-boxes.ts';
import { endReduced } from '../features/boxes/serving/pairing.ts';
import { type LoginFile, openStoredLogins } from '../onvif/soap/login/login-file.ts';
import { pullsAny } from '../paths/path-settings.ts';
import { type PathMakers, PathTable } from '../paths/path-table.ts';
import { LivePictures, OF_EVENT } from '../recordings/live-pictures.ts';
import { Recordings } from '../recordings/recordings.ts';
import type { Source } from '../stream/contracts.ts';
import type { Stream } from '../stream/stream.ts';
import { OwnCertificate } from '../tls/own-certificate.ts';
import { startEngine } from '../transcode/engine-host.ts';
import { Transcoder } from '../transcode/transcoder.ts';
import { noAudioReason } from '../transports/webrtc/sdp/codecs.ts';
import type { HookAuth } from '../zlm/hook-auth.ts';
import type { AppOptions } from './app-options.ts';
import { type AppState, openState, problemsIn } from './app-state.ts';
import { ApplyQueue } from './apply-queue.ts';
import { SlowStop } from './commands/slow-stop.ts';
import { DemoChoice } from './demo/demo-choice.ts';
import { Backups } from './device/backup.ts';
import { publishCameraEvents, publishConfigChanges } from './device/event-feed.ts';
import { MdnsName } from './device/mdns-name.ts';
import { OpenFeatures } from './features/open-features.ts';
import { FEATURES } from './features/table.ts';
import { HttpListeners, type HttpListenersDeps } from './listeners/http-listeners.ts';
import { inMode } from './modes/effect.ts';
import { Modes } from './modes/modes.ts';
import { PROTOCOLS } from './protocols.ts';
import { makeForwarder } from './servers/forwarder-factory.ts';
import { HookRunner } from './servers/hook-runner.ts';
import { Servers } from './servers/servers.ts';
import { SessionAuthority } from './servers/session-access.ts';
import { SessionRevocation } from './servers/session-revocation.ts';
import { makeSource } from './servers/source-factory.ts';
import { SourceTests } from './servers/source-tests.ts';

const RETRY_MS = 10_000;

/** The product: starts its components from a configuration and follows its changes. */
export class App {
  readonly #options: AppOptions & { readonly zlmSecret: string };
  readonly #store: ConfigStore;
  readonly #accounts: Accounts;
  readonly #boxes: ManyBoxes;
  readonly #authority: Authority;
  readonly #paths: PathTable;
  #logins: LoginFile | undefined;
  readonly #commands: HookRunner;
  readonly #recordings: Recordings;
  readonly #pictures: LivePictures;
  readonly #modes: Modes;
  readonly #onvif: OnvifFeatures;
  readonly #cameras: Cameras;
  readonly #transcoder: Transcoder;
  readonly #servers: Servers;
  readonly #http: HttpListeners;
  readonly #revocation: SessionRevocation;
  readonly #views: ViewLog;
  readonly #layouts: Layouts;
  readonly #events: EventBus;
  readonly #search: CameraSearch;
  readonly #load: ProcessLoad;
  readonly #loop: EventLoopWatch;
  readonly #own: OwnCertificate;
  readonly #name: MdnsName;
  readonly #components: Reconciler<Config>;
  readonly #stop = new AbortController();
  #config: Config;
  readonly #demo: DemoChoice;
  readonly #applying = new ApplyQueue(this.#stop.signal);

  /** @throws PerchError without a valid configuration */
  static async start(options: AppOptions): Promise<App> {
    const app = new App(options, await openState(options));
    await app.#begin();
    return app;
  }

  private constructor(given: AppOptions, { store, accounts, events, pairedServers, boxes, zlmSecret }: AppState) {
    const options = { ...given, zlmSecret };
    const { dataDir, clock, log } = options;
    this.#options = options;
    this.#store = store;
    this.#events = events;
    this.#load = new ProcessLoad(clock);
    this.#loop = new EventLoopWatch(clock);
    this.#config = store.current;
    this.#accounts = accounts;
    const objection = (...asked: Parameters<HookAuth['objection']>) => this.#http.zlm.auth.objection(...asked);
    this.#authority = new Authority(accounts, rulesOf(this.#config), {
      clock,
      log,
      objection,
      servers: pairedServers,
    });
    const isDevice = (user: string) => user.startsWith('server:') || accounts.device(user) !== undefined;
    const roleOf = (user: string) => accounts.person(user)?.role ?? (isDevice(user) ? 'device' : 'other');
    this.#views = new ViewLog({ ...options, roleOf, keptMs: () => this.#config.viewsDeleteAfterMs });
    this.#commands = new HookRunner(() => this.#config, options);
    const applied = () => this.#applying.done;
    this.#recordings = new Recordings(() => this.#config, dataDir, clock, log, applied);
    const ofBoxes = { store, boxes, pairedServers, recordings: this.#recordings, config: () => this.#config };
    this.#boxes = new ManyBoxes({ ...options, ...ofBoxes });
    this.#modes = new Modes({
      ...options,
      publish: events.emit,
      config: () => store.current,
      isClockTrusted: () => this.#recordings.isClockTrusted,
      apply: () => this.#applying.take(() => this.#applyPaths()),
    });
    this.#onvif = new OnvifFeatures({
      ...options,
      config: () => this.#config,
      recordings: this.#recordings,
      isReplaced: (path, kind) => this.#http.features.replacesEvents(path, kind),
    });
    const nameOf = (stream: Stream) => this.#paths.openStreams().find(([, other]) => other === stream)?.[0];
    this.#transcoder = new Transcoder(startEngine, clock, log, nameOf);
    this.#paths = new PathTable(this.#makers(), clock, log);
    const { hub } = this.#recordings.events;
    const isMissing = () => this.#paths.list().some(({ sourceState }) => sourceState === 'waiting');
    const isOwn = (identity: string) => this.#http.features.isOwn(identity);
    this.#search = new CameraSearch({ ...options, store, publish: events.emit, history: hub, isMissing, isOwn });
    const wrongCredentials = new WrongCredentials(clock, this.#stop.signal);
    const newcomers = new PreLoginMemory(clock, log);
    this.#name = new MdnsName({ ...options, boxId: pairedServers.boxId });
    this.#own = new OwnCertificate({ ...options, names: () => this.#name.certificateNames() });
    this.#servers = new Servers((options.protocols ?? PROTOCOLS).servers, {
      ...this.#shared,
      own: this.#own,
      access: new SessionAuthority(this.#authority, wrongCredentials, log, this.#commands),
      connections: this.#commands.connections,
      newcomers,
      audio: this.#transcoder,
    });
    this.#revocation = new SessionRevocation(accounts, this.#servers, clock);
    endReduced(pairedServers, this.#revocation);
    // Called once the paths of the demo camera exist.
    const onDemo = () => void this.#applying.take(() => this.#apply(this.#store.current));
    this.#demo = new DemoChoice({ clock, log, signal: this.#stop.signal }, onDemo);
    this.#cameras = this.#openCameras();
    const elsewhere = (path: string) => this.#recordings.stores.picturesOf(path);
    this.#pictures = new LivePictures({ ...this.#shared, elsewhere });
    this.#layouts = new Layouts({ ...this.#shared, config: () => this.#demo.within(store.current) });
    this.#http = this.#openHttp({ wrongCredentials, newcomers });
    const page = [...this.#http.components(), this.#name.component(() => this.mainPort)];
    const components = [...this.#servers.components(page), this.#http.tlsComponent()];
    this.#components = new Reconciler<Config>(components, log);
  }

  /** Dependencies that most components share. */
  get #shared() {
    return {
      ...this.#options,
      accounts: this.#accounts,
      paths: this.#paths,
      recordings: this.#recordings,
      config: () => this.#config,
      signal: this.#stop.signal,
    };
  }

  /** State that a supervisor on this box checks. */
  get vitals() {
    return { port: this.mainPort, host: this.#http.mainHost, paths: this.#paths, recordings: this.#recordings };
  }

  /** The page's port; undefined while it cannot be opened. */
  get mainPort(): number | undefined {
    return this.#http.mainPort;
  }

  get mainAddress(): string {
    return this.#config.address;
  }

  /** SHA-256 of the own authority's certificate, as `/trust` shows it; undefined without one. */
  get fingerprint(): string | undefined {
    return this.#own.authority()?.fingerprint;
  }

  /** The page's https port; undefined while off. */
  get tlsPort(): number | undefined {
    return this.#http.tlsPort;
  }

  get tlsAddress(): string {
    return this.#config.tlsAddress;
  }

  get accounts(): Pick<Accounts, 'owner' | 'setup' | 'setUrl'> {
    return this.#accounts;
  }

  /** Reads the configuration file again, and opens the log file again. */
  async reload(): Promise<void> {
    this.#options.output?.reopen();
    await this.#store.reload();
  }

  /** Stops new connections first, and finishes open recordings. */
  async close(): Promise<void> {
    const slow = new SlowStop(this.#options);
    this.#store.close();
    this.#stop.abort();
    await this.#applying.done;
    this.#revocation.close();
    await this.#cameras.close();
    await slow.close('modes', this.#modes);
    await slow.close('camera search', this.#search);
    this.#http.zlm.close();
    await slow.close('paired boxes', this.#boxes);
    this.#servers.drain();
    await this.#components.close(slow.begin);
    await this.#http.features.close(slow.begin);
    this.#own.close();
    await Promise.all([slow.close('cameras', this.#paths), this.#onvif.close()]);
    await Promise.all([slow.close('viewing history', this.#views), this.#layouts.close(), this.#demo.close()]);
    this.#transcoder.close();
    await slow.close('recordings', this.#recordings);
    await slow.close('commands', this.#commands);
    await slow.close('camera logins', this.#logins);
    this.#load.close();
    this.#loop.close();
    slow.end();
  }

  async #begin(): Promise<void> {
    const { version, dataDir, clock, log } = this.#options;
    this.#stop.signal.addEventListener('abort', this.#accounts.awaitOwner());
    const key = await SecretKey.open(dataDir, log);
    this.#logins = await openStoredLogins(dataDir, (text) => key.sign('camera', text), clock, log);
    await this.#commands.begin();
    await this.#modes.begin();
    await this.#http.features.begin();
    await this.#applying.take(() => this.#apply(this.#config));
    this.#store.onChange(() => this.#applying.soon(() => this.#apply(this.#store.current)));
    this.#store.onChange(publishConfigChanges(this.#events.emit));
    this.#recordings.events.hub.listen(publishCameraEvents(this.#events.emit));
    this.#search.begin();
    this.#store.watch();
    const retry = () => this.#applying.take(() => this.#components.retry());
    this.#stop.signal.addEventListener('abort', clock.every(RETRY_MS, retry));
    const { signal } = this.#stop;
    this.#recordings.begin(
      signal,
      () => this.#paths.list(),
      () => this.#http.features.indexed(),
    );
    await this.#onvif.begin();
    this.#http.zlm.begin();
    log.info({ version, file: this.#store.file ?? 'none', data: dataDir }, 'started');
  }

  async #apply(config: Config): Promise<void> {
    const { log, output } = this.#options;
    setLogLevel(log, config.logLevel);
    output?.apply(pick(config, LOG_KEYS));
    this.#authority.setRules(rulesOf(config));
    if (pullsAny(config)) {
      optimizeForMedia();
    }
    const idle = this.#demo.choose(config);
    this.#modes.configure();
    this.#config = this.#inForce(config);
    pinCertificates(this.#config);
    await this.#recordings.configure();
    // The page starts first: it shows the progress of the other components.
    await this.#components.apply(this.#config);
    await this.#applyPaths(config);
    // The demo closes after its paths, which would otherwise report a missing camera.
    await idle?.close();
    this.#recordings.demo.follow(this.#demo.isShown);
    for (const warning of this.#authority.warnings) {
      log.warn(warning);
    }
  }

  async #applyPaths(config = this.#store.current): Promise<void> {
    this.#config = this.#inForce(config);
    await this.#paths.apply(this.#config);
    await this.#boxes.recordings.apply();
    this.#onvif.apply();
    this.#cameras.apply();
    this.#servers.pathsChanged(this.#config);
    this.#http.features.applied();
  }

  #makers(): PathMakers {
    const { clock, log, protocols = PROTOCOLS } = this.#options;
    return {
      source: (name, settings, config) => this.#source(name, settings, config, this.#search.follower),
      recorder: (name, settings, hooks) =>
        this.#recordings.recorders.recorder(name, settings, hooks, this.#demo.isShown),
      forwarder: (name, destination, config) => {
        const sound = this.#transcoder.opus;
        return makeForwarder(protocols.forwarders, { name, destination, config, sound, clock, log });
      },
      hooks: (name, settings, groups, former) => this.#commands.ofPath(settings, { name, groups, former }),
      noAudioReason: (tracks) => noAudioReason(tracks, this.#transcoder.opus),
      box: (source) => this.#boxes.boxOf(source),
      streamOpened: (name, stream) => {
        stream.recipients.onWatcher = ({ user, remoteAddr }) => this.#views.begin(name, user, remoteAddr);
        this.#onvif.controls.streamOpened(name, stream);
        this.#cameras.streamOpened(name);
        this.#servers.streamOpened(name, stream);
        this.#http.features.streamOpened();
      },
      publisherAccepted: optimizeForMedia,
      publishEvent: this.#events.emit,
    };
  }

  #source(name: string, settings: PathSettings, config: Config, watch?: IdentityWatch): Source {
    const { clock, log, protocols = PROTOCOLS } = this.#options;
    return makeSource(protocols.sources, { name, settings, config, boxes: this.#boxes.channels, clock, log }, watch);
  }

  #openHttp(shared: Pick<HttpListenersDeps, 'wrongCredentials' | 'newcomers'>): HttpListeners {
    const options = this.#options;
    const { steering, ...control } = cameraControl({
      ...this.#shared,
      controls: this.#onvif.controls,
      changed: (path, what) => this.#cameras.cameraChanged(path, what),
    });
    const edits = new ApiEdits(this.#store, options.env);
    const settings = () => this.#demo.within(this.#store.current);
    const given = options.features ?? FEATURES;
    const features = new OpenFeatures(given, {
      ...this.#shared,
      ...shared,
      settings,
      edits,
      events: this.#events,
      pictures: {
        picture: (path, limits = OF_EVENT) => this.#pictures.picture(path, limits),
        small: (path, maxBytes) => this.#pictures.small(path, maxBytes),
        hasPicture: (path) => this.#pictures.hasPicture(path),
      },
      steering,
      cameras: this.#cameras,
      name: this.#name,
      readings: () => this.#http.readings(),
    });
    return new HttpListeners({
      ...shared,
      ...this.#shared,
      ...control,
      steering,
      features,
      own: this.#own,
      name: this.#name,
      authority: this.#authority,
      views: this.#views,
      pictures: this.#pictures,
      load: this.#load,
      loop: this.#loop,
      commands: this.#commands,
      events: this.#events,
      cameras: this.#cameras,
      layouts: this.#layouts,
      sourceTests: new SourceTests({
        ...this.#shared,
        makeSource: (name, settings, config) => this.#source(name, settings, config),
      }),
      modes: this.#modes,
      inMode: (config) => inMode(config, this.#modes.current),
      settings,
      edits,
      configFile: new FileEdits(this.#store, options.env),
      problems: () => problemsIn(this.#store, options),
      backup: new Backups({ ...options, store: this.#store, files: given.flatMap(({ backup = [] }) => backup) }),
      servers: this.#servers,
      boxes: this.#boxes,
    });
  }

  #inForce(config: Config): Config {
    return inMode(this.#demo.within(config), this.#modes.current);
  }

  #openCameras(): Cameras {
    return new Cameras({
      hostAnswers: this.#options.hostAnswers,
      ...this.#shared,
      includeLoopback: false,
      ...this.#options.discovery,
      store: this.#store,
      config: () => this.#inForce(this.#store.current),
      found: this.#search.found,
      mismatchOf: (path) => this.#search.follower.mismatchOf(path),
      unknownTopics: (path) => this.#onvif.unknownTopics(path),
      publish: this.#events.emit,
    });
  }
}
