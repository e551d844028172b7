import { setImmediate } from 'node:timers/promises';
import { EventLoopWatch } from '../../system/event-loop.ts';
import { optimizeForMedia } from '../../system/memory.ts';
import { ProcessLoad } from '../../system/process-load.ts';
import { Accounts } from '../auth/accounts/accounts.ts';
import { SecretKey } from '../auth/accounts/secret-key.ts';
import { Authority } from '../auth/permissions/authorize.ts';
import { rulesOf } from '../auth/permissions/rules.ts';
import { WrongCredentials } from '../auth/throttle/wrong-credentials.ts';
import { EventBus } from '../base/event-bus.ts';
import { setLogLevel } from '../base/log.ts';
import { NewcomerMemory } from '../base/newcomer-memory.ts';
import { Reconciler } from '../base/reconciler.ts';
import { ApiEdits } from '../config/edit/api-edits.ts';
import { FileEdits } from '../config/edit/file-edits.ts';
import type { Environment } from '../config/load/environment.ts';
import type { Config } from '../config/load/load.ts';
import { ConfigStore } from '../config/store/store.ts';
import { problemText } from '../config/yaml/problem.ts';
import { FoundCameras, type FoundCamerasOptions } from '../onvif/discovery/found-cameras.ts';
import { type LoginFile, openStoredLogins } from '../onvif/soap/login/login-file.ts';
import { pullsAny } from '../paths/path-settings.ts';
import { type PathMakers, PathTable } from '../paths/path-table.ts';
import { noAudioReason } from '../servers/webrtc/sdp/codecs.ts';
import type { Stream } from '../stream/stream.ts';
import { OwnCertificate } from '../tls/own-certificate.ts';
import { startEngine } from '../transcode/engine-host.ts';
import { Transcoder } from '../transcode/transcoder.ts';
import type { HookGate } from '../zlm/hook-gate.ts';
import { trackAddresses } from './cameras/address-tracking.ts';
import { Cameras, type CamerasDeps } from './cameras/cameras.ts';
import { OnvifFeatures } from './cameras/onvif-features.ts';
import { pinCertificates } from './cameras/onvif-link.ts';
import { ptzOf } from './cameras/ptz.ts';
import { type Demo, startDemo, wantsDemo } from './demo/demo.ts';
import { Backups, restoreStaged } from './device/backup.ts';
import { publishCameraEvents, publishConfigChanges, publishFoundCameras } from './device/event-feed.ts';
import { MdnsName, type MdnsNameOptions } from './device/mdns-name.ts';
import { HttpListeners, type HttpListenersDeps } from './listeners/http-listeners.ts';
import { keysOf, PROTOCOLS, type Protocols } from './protocols.ts';
import { Recordings } from './recordings/recordings.ts';
import { HookRunner } from './servers/hook-runner.ts';
import { Servers } from './servers/servers.ts';
import { SessionAuthority } from './servers/session-access.ts';
import { SessionRevocation } from './servers/session-revocation.ts';
import { makeSource } from './servers/source-factory.ts';
import { loadMadeSecret } from './zlm/zlm.ts';

const RETRY_MS = 10_000;

type ForHttp = 'version' | 'pageFolder' | 'clock' | 'log' | 'lines';

export interface AppOptions extends Pick<MdnsNameOptions, 'network' | 'onName'>, Pick<HttpListenersDeps, ForHttp> {
  /** Absolute; held by the caller. */
  readonly dataDir: string;
  /** The configuration file of the command line. */
  readonly file?: string;
  readonly cwd: string;
  readonly env: Environment;
  /** Ends the program so that it is started anew; without it nobody would. */
  readonly restart?: () => void;
  readonly hostAnswers?: string;
  /** Of whom updates are taken, if not where the package has them. */
  readonly updateKeys?: string;
  /** Default: Perch's own. */
  readonly protocols?: Protocols;
  /** Where cameras are looked for, if not in the networks of the machine. */
  readonly discovery?: Pick<FoundCamerasOptions, 'port' | 'includeLoopback' | 'only'> &
    Pick<CamerasDeps, 'onvifPorts' | 'streamPorts'>;
}

/** The product: starts its components from a configuration and follows its changes. */
export class App {
  readonly #options: AppOptions;
  readonly #store: ConfigStore;
  readonly #accounts: Accounts;
  readonly #authority: Authority;
  readonly #paths: PathTable;
  #logins: LoginFile | undefined;
  readonly #commands: HookRunner;
  readonly #recordings: Recordings;
  readonly #cameras: OnvifFeatures;
  readonly #box: Cameras;
  readonly #transcoder: Transcoder;
  readonly #servers: Servers;
  readonly #http: HttpListeners;
  readonly #revocation: SessionRevocation;
  readonly #events: EventBus;
  readonly #found: FoundCameras;
  readonly #follower: ReturnType<typeof trackAddresses>;
  readonly #load: ProcessLoad;
  readonly #loop: EventLoopWatch;
  readonly #own: OwnCertificate;
  readonly #name: MdnsName;
  readonly #components: Reconciler<Config>;
  readonly #stop = new AbortController();
  #config: Config;
  #demo: Demo | undefined;
  /** A configuration waits for its turn, which takes the newest. */
  #hasNews = false;
  /** Configurations are applied one after the other. */
  #applying: Promise<void> = Promise.resolve();

  /** @throws PerchError when there is no configuration to start with */
  static async start(options: AppOptions): Promise<App> {
    const { dataDir, clock, log } = options;
    await restoreStaged(dataDir, log);
    const store = await ConfigStore.open({ ...options, keys: keysOf(options.protocols ?? PROTOCOLS), log });
    setLogLevel(log, store.current.logLevel);
    const events = new EventBus(clock);
    const isClaimable = () => store.current.isOwn;
    const accounts = await Accounts.open({ dataDir, clock, log, publish: events.emit, isClaimable });
    const app = new App({ ...options, zlmSecret: await loadMadeSecret(dataDir, log) }, store, accounts, events);
    await app.#begin();
    return app;
  }

  private constructor(
    options: AppOptions & { readonly zlmSecret: string },
    store: ConfigStore,
    accounts: Accounts,
    events: EventBus,
  ) {
    const { dataDir, clock, log } = options;
    this.#options = options;
    this.#store = store;
    this.#events = events;
    this.#load = new ProcessLoad(clock);
    this.#loop = new EventLoopWatch(clock);
    this.#config = store.current;
    this.#accounts = accounts;
    const objection = (...asked: Parameters<HookGate['objection']>) => this.#http.zlm.gate.objection(...asked);
    this.#authority = new Authority(accounts, rulesOf(this.#config), { clock, log, objection });
    this.#commands = new HookRunner(() => this.#config, options);
    const applied = () => this.#applying;
    this.#recordings = new Recordings(() => this.#config, dataDir, clock, log, applied);
    this.#cameras = new OnvifFeatures({ ...options, config: () => this.#config, recordings: this.#recordings });
    const nameOf = (stream: Stream) => this.#paths.openStreams().find(([, other]) => other === stream)?.[0];
    this.#transcoder = new Transcoder(startEngine, clock, log, nameOf);
    this.#paths = new PathTable(this.#makers(), clock, log);
    const isMissing = () => this.#paths.list().some(({ sourceState }) => sourceState === 'waiting');
    this.#found = new FoundCameras({ ...options.discovery, clock, log, isMissing });
    this.#follower = trackAddresses(this.#found, store, options, events.emit, this.#recordings.events.hub);
    const wrongCredentials = new WrongCredentials(clock, this.#stop.signal);
    const newcomers = new NewcomerMemory(clock, log);
    this.#name = new MdnsName(options);
    this.#own = new OwnCertificate({ ...options, names: () => this.#name.certificateNames() });
    this.#servers = new Servers((options.protocols ?? PROTOCOLS).servers, {
      cwd: options.cwd,
      own: this.#own,
      paths: this.#paths,
      access: new SessionAuthority(this.#authority, wrongCredentials, log, this.#commands),
      connections: this.#commands.connections,
      newcomers,
      audio: this.#transcoder,
      clock,
      log,
      config: () => this.#config,
    });
    this.#revocation = new SessionRevocation(accounts, this.#servers, clock);
    this.#box = this.#cameraBox();
    this.#http = new HttpListeners({
      ...options,
      ...{ own: this.#own, name: this.#name },
      ...{ accounts, authority: this.#authority, wrongCredentials, newcomers },
      paths: this.#paths,
      recordings: this.#recordings,
      ...{ load: this.#load, loop: this.#loop },
      commands: this.#commands,
      events,
      cameras: this.#box,
      steering: ptzOf(this.#cameras.controls, (path, what) => this.#box.cameraChanged(path, what)),
      signal: this.#stop.signal,
      config: () => this.#config,
      settings: () => this.#withDemo(store.current),
      ...{ edits: new ApiEdits(store, options.env), configFile: new FileEdits(store, options.env) },
      ...{ problems: () => store.problems, backup: new Backups({ ...options, store }) },
      servers: this.#servers,
    });
    const page = [...this.#http.components(), this.#name.component(() => this.mainPort)];
    this.#components = new Reconciler<Config>(
      [...this.#servers.components(true), ...page, ...this.#servers.components(false), this.#http.tlsComponent()],
      log,
    );
  }

  /** For whoever watches over Perch on this machine. */
  get vitals() {
    return { port: this.mainPort, paths: this.#paths, recordings: this.#recordings };
  }

  /** The port that the page is on; undefined while it could not be opened. */
  get mainPort(): number | undefined {
    return this.#http.mainPort;
  }

  get mainAddress(): string {
    return this.#config.address;
  }

  /** SHA-256 of the certificate of the device's own authority, as `/trust` shows it; undefined while it has none. */
  get fingerprint(): string | undefined {
    return this.#own.authority()?.fingerprint;
  }

  /** The port of the page over https; undefined while it is off. */
  get tlsPort(): number | undefined {
    return this.#http.tlsPort;
  }

  get tlsAddress(): string {
    return this.#config.tlsAddress;
  }

  get accounts(): Pick<Accounts, 'owner' | 'setup' | 'setUrl'> {
    return this.#accounts;
  }

  /** Reads the configuration file again. */
  async reload(): Promise<void> {
    await this.#store.reload();
  }

  /** Ends everything in order: nothing new comes in, open recordings are finished. */
  async close(): Promise<void> {
    this.#store.close();
    this.#stop.abort();
    await this.#applying;
    this.#revocation.close();
    this.#box.close();
    await Promise.all([this.#follower.close(), this.#found.close()]);
    this.#http.zlm.close();
    this.#servers.drain();
    await this.#components.close();
    this.#own.close();
    await Promise.all([this.#paths.close(), this.#cameras.close()]);
    await this.#demo?.close();
    this.#transcoder.close();
    await this.#recordings.close();
    await this.#commands.close();
    await this.#logins?.close();
    this.#load.close();
    this.#loop.close();
    this.#options.log.info('stopped');
  }

  async #begin(): Promise<void> {
    const { clock, log } = this.#options;
    for (const problem of this.#store.problems) {
      log[problem.severity === 'note' ? 'debug' : problem.severity]({ at: problemText(problem) }, 'configuration');
    }
    this.#stop.signal.addEventListener('abort', this.#accounts.awaitOwner());
    const key = await SecretKey.open(this.#options.dataDir, log);
    this.#logins = await openStoredLogins(this.#options.dataDir, (text) => key.sign('camera', text), clock, log);
    await this.#commands.begin();
    await this.#inTurn(() => this.#apply(this.#config));
    this.#store.onChange(() => this.#applySoon());
    this.#store.onChange(publishConfigChanges(this.#events.emit));
    this.#recordings.events.hub.listen(publishCameraEvents(this.#events.emit));
    this.#found.onFound(publishFoundCameras(this.#events.emit, clock));
    this.#found.start();
    this.#options.network?.onChange(() => this.#found.networksChanged());
    this.#store.watch();
    const retry = () => this.#inTurn(() => this.#components.retry());
    this.#stop.signal.addEventListener('abort', clock.every(RETRY_MS, retry));
    this.#recordings.begin(this.#stop.signal, () => this.#paths.list());
    await this.#cameras.begin();
    this.#http.zlm.begin();
    log.info(
      { version: this.#options.version, file: this.#store.file ?? 'none', data: this.#options.dataDir },
      'started',
    );
  }

  /** Many changes in a row are applied together. */
  #applySoon(): void {
    if (this.#hasNews) {
      return;
    }
    this.#hasNews = true;
    void this.#inTurn(async () => {
      // Who changes a setting of the very port that he asks at gets his answer before the port starts again.
      await setImmediate();
      this.#hasNews = false;
      if (!this.#stop.signal.aborted) {
        await this.#apply(this.#store.current);
      }
    });
  }

  /** One after the other, and nothing any more once the end has begun: what `close` stops must not start again. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#applying = this.#applying.then(() => (this.#stop.signal.aborted ? undefined : work()));
    return this.#applying;
  }

  async #apply(config: Config): Promise<void> {
    const { log } = this.#options;
    setLogLevel(log, config.logLevel);
    this.#authority.setRules(rulesOf(config));
    if (pullsAny(config)) {
      optimizeForMedia();
    }
    const idle = this.#chooseDemo(config);
    this.#config = this.#withDemo(config);
    pinCertificates(this.#config);
    await this.#recordings.configure();
    // The page first: it shows how the rest comes up.
    await this.#components.apply(this.#config);
    await this.#paths.apply(this.#config);
    this.#cameras.apply();
    this.#box.apply();
    this.#servers.pathsChanged(this.#config);
    // After its paths: a camera that goes first would be missed.
    await idle?.close();
    this.#recordings.demo.follow(this.#demo !== undefined);
    for (const warning of this.#authority.warnings) {
      log.warn(warning);
    }
  }

  /** @returns the demo that is not wanted any more, to be closed */
  #chooseDemo(config: Config): Demo | undefined {
    const demo = this.#demo;
    if (!wantsDemo(config)) {
      this.#demo = undefined;
      return demo;
    }
    const { clock, log } = this.#options;
    // Found and read: its paths are there now.
    const onFound = () => void this.#inTurn(() => this.#apply(this.#store.current));
    this.#demo ??= startDemo({ clock, log, signal: this.#stop.signal }, onFound);
    return undefined;
  }

  #makers(): PathMakers {
    const { clock, log, protocols = PROTOCOLS } = this.#options;
    const { sources } = protocols;
    return {
      source: (name, settings, config) => makeSource(sources, { name, settings, config, clock, log }, this.#follower),
      recorder: (name, settings, hooks) => this.#recordings.recorder(name, settings, hooks, this.#demo !== undefined),
      hooks: (name, settings, groups, former) => this.#commands.ofPath(settings, { name, groups, former }),
      noAudioReason: (tracks) => noAudioReason(tracks, this.#transcoder.opus),
      streamOpened: (name, stream) => {
        this.#cameras.controls.streamOpened(name, stream);
        this.#box.streamOpened(name);
        this.#servers.streamOpened(name, stream);
      },
      publishEvent: this.#events.emit,
    };
  }

  #withDemo(config: Config): Config {
    return this.#demo && wantsDemo(config) ? { ...config, paths: this.#demo.paths(config) } : config;
  }

  #cameraBox(): Cameras {
    const { discovery = {}, clock, log } = this.#options;
    return new Cameras({
      ...discovery,
      includeLoopback: discovery.includeLoopback ?? false,
      store: this.#store,
      config: () => this.#withDemo(this.#store.current),
      found: this.#found,
      paths: this.#paths,
      doubtOf: (path) => this.#follower.doubtOf(path),
      publish: this.#events.emit,
      ...{ signal: this.#stop.signal, clock, log },
    });
  }
}
