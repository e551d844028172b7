import { setImmediate } from 'node:timers/promises';
import type { Accounts } from '../auth/accounts/accounts.ts';
import { Reconciler } from '../base/reconciler.ts';
import { pinCertificates } from '../cameras/onvif/onvif-link.ts';
import type { Config } from '../config/load/load.ts';
import type { AppOptions } from './app-options.ts';
import { type AppState, openState, type Shared } from './app-state.ts';
import { CameraPart } from './cameras.ts';
import { publishCameraEvents, publishConfigChanges } from './device/event-feed.ts';
import { HostPart } from './host.ts';
import type { HttpListeners } from './listeners/http-listeners.ts';
import { MediaPart } from './media.ts';
import { openWeb } from './web.ts';

const RETRY_MS = 10_000;

/** The product: starts its components from a configuration and follows its changes. */
export class App {
  readonly #shared: Shared;
  readonly #host: HostPart;
  readonly #media: MediaPart;
  readonly #camera: CameraPart;
  readonly #http: HttpListeners;
  readonly #components: Reconciler<Config>;
  readonly #stop = new AbortController();
  readonly #applying = new ApplyQueue(this.#stop.signal);
  #config: Config;

  /** @throws PerchError without a valid configuration */
  static async start(options: AppOptions): Promise<App> {
    const app = new App(options, await openState(options));
    await app.#begin();
    return app;
  }

  private constructor(options: AppOptions, state: AppState) {
    const { store } = state;
    const { log } = options;
    const { signal } = this.#stop;
    this.#config = store.current;
    const config = () => this.#config;
    const settings = () => this.#http.features.withPaths(store.current);
    const shared = { ...options, ...state, config, settings, signal, applied: () => this.#applying.done };
    this.#shared = shared;
    this.#host = new HostPart(shared, (...asked) => this.#http.features.objection(...asked));
    const app = this;
    this.#media = new MediaPart(shared, this.#host, {
      get watch() {
        return app.#camera.search.follower;
      },
      get features() {
        return app.#http.features;
      },
      streamOpened: (name, stream) => {
        this.#camera.streamOpened(name, stream);
        this.#http.features.streamOpened();
      },
    });
    this.#camera = new CameraPart(shared, this.#media, {
      inForce: (given) => this.#inForce(given),
      isOwn: (identity) => this.#http.features.isOwn(identity),
      isReplaced: (path, kind) => this.#http.features.replacesEvents(path, kind),
      isTurning: (path) => this.#http.features.isTurning(path),
      leaving: (path) => this.#http.features.leaving(path),
    });
    this.#http = openWeb(shared, this.#host, this.#media, this.#camera, {
      applyAgain: () => void this.#applying.take(() => this.#apply(store.current)),
      applyPaths: () => this.#applying.take(() => this.#applyPaths()),
    });
    const page = [...this.#http.components(), this.#host.name.component(() => this.mainPort)];
    const components = [...this.#media.servers.components(page), this.#http.tlsComponent()];
    this.#components = new Reconciler<Config>(components, log);
  }

  /** State that a supervisor on this box checks. */
  get vitals() {
    const { paths, recordings } = this.#media;
    return { port: this.mainPort, host: this.#http.mainHost, paths, recordings };
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
    return this.#host.own.authority()?.fingerprint;
  }

  /** The page's https port; undefined while off. */
  get tlsPort(): number | undefined {
    return this.#http.tlsPort;
  }

  get tlsAddress(): string {
    return this.#config.tlsAddress;
  }

  get accounts(): Pick<Accounts, 'owner' | 'setup' | 'setUrl' | 'onOwnerless'> {
    return this.#shared.accounts;
  }

  /** Reads the configuration file again, and opens the log file again. */
  async reload(): Promise<void> {
    this.#shared.output?.reopen();
    await this.#shared.store.reload();
  }

  /** Stops new connections first, and finishes open recordings. */
  async close(): Promise<void> {
    const { commands, paths, recordings, revocation, servers, transcoder } = this.#media;
    const { cameras, layouts, onvif, search } = this.#camera;
    const slow = new SlowStop(this.#shared);
    this.#shared.store.close();
    this.#stop.abort();
    await this.#applying.done;
    revocation.close();
    await cameras.close();
    await slow.close('camera search', search);
    servers.drain();
    await this.#components.close(slow.begin);
    await this.#http.features.close(slow.begin);
    this.#host.own.close();
    await Promise.all([slow.close('cameras', paths), onvif.close()]);
    await this.#http.features.pathsClosed();
    await Promise.all([slow.close('viewing history', this.#host.views), layouts.close()]);
    transcoder.close();
    await slow.close('recordings', recordings);
    await slow.close('commands', commands);
    await slow.close('camera logins', this.#camera);
    this.#host.close();
    await slow.close('database', { close: this.#shared.closeDocuments });
    slow.end();
  }

  async #begin(): Promise<void> {
    const { version, dataDir, clock, log, accounts, events, store } = this.#shared;
    const { commands, paths, recordings } = this.#media;
    const { signal } = this.#stop;
    signal.addEventListener('abort', accounts.awaitOwner());
    await this.#camera.openLogins();
    await commands.begin();
    await this.#http.features.begin();
    await this.#applying.take(() => this.#apply(this.#config));
    store.onChange(() => this.#applying.soon(() => this.#apply(store.current)));
    store.onChange(publishConfigChanges(events.emit));
    recordings.events.hub.listen(publishCameraEvents(events.emit));
    this.#camera.search.begin();
    store.watch();
    const retry = () => this.#applying.take(() => this.#components.retry());
    signal.addEventListener('abort', clock.every(RETRY_MS, retry));
    recordings.begin(
      signal,
      () => paths.recordings(),
      () => this.#http.features.indexed(),
    );
    await this.#camera.onvif.begin();
    await this.#http.features.started();
    recordings.events.acted.begin(signal);
    log.info({ version, file: store.file ?? 'none', data: dataDir }, 'started');
  }

  async #apply(config: Config): Promise<void> {
    this.#host.apply(config);
    this.#http.features.configure(config);
    this.#config = this.#inForce(config);
    pinCertificates(this.#config);
    await this.#media.recordings.configure();
    // The page starts first: it shows the progress of the other components.
    await this.#components.apply(this.#config);
    await this.#applyPaths(config);
    for (const warning of this.#host.authority.warnings) {
      this.#shared.log.warn(warning);
    }
  }

  async #applyPaths(config = this.#shared.store.current): Promise<void> {
    const { paths, servers } = this.#media;
    this.#config = this.#inForce(config);
    await paths.apply(this.#config);
    this.#camera.apply();
    servers.pathsChanged(this.#config);
    await this.#http.features.applied();
  }

  #inForce(config: Config): Config {
    const { features } = this.#http;
    return features.inForce(features.withPaths(config));
  }
}

/** Applies configurations in sequence, and none after the stop, whose work must not be undone. */
class ApplyQueue {
  readonly #stop: AbortSignal;
  #last: Promise<void> = Promise.resolve();
  #isChanged = false;

  constructor(stop: AbortSignal) {
    this.#stop = stop;
  }

  /** Resolves when all turns taken so far are over. */
  get done(): Promise<void> {
    return this.#last;
  }

  take(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(() => (this.#stop.aborted ? undefined : work()));
    return this.#last;
  }

  /** Changes in quick succession are applied together. */
  soon(apply: () => Promise<void>): void {
    if (this.#isChanged) {
      return;
    }
    this.#isChanged = true;
    void this.take(async () => {
      // The reply to a change of a port's settings precedes the restart of that port.
      await setImmediate();
      this.#isChanged = false;
      if (!this.#stop.aborted) {
        await apply();
      }
    });
  }
}

/** systemd and procd kill Perch 20 s after SIGTERM, Docker after 10. */
const SLOW_MS = 8_000;

/** Logs what a stop waits for when it takes longer than 8 s. */
export class SlowStop {
  readonly #log: AppOptions['log'];
  readonly #end: () => void;
  #waitsFor = 'configuration';

  constructor({ clock, log }: Pick<AppOptions, 'clock' | 'log'>) {
    this.#log = log;
    const beganMs = clock.monoMs();
    this.#end = clock.every(SLOW_MS, () => {
      const sinceMs = Math.round(clock.monoMs() - beganMs);
      log.warn({ waitsFor: this.#waitsFor, sinceMs }, 'stopping takes long');
    });
  }

  /** @param component that ends now, for the log */
  readonly begin = (component: string): void => {
    this.#waitsFor = component;
  };

  async close(name: string, component: { close(): Promise<unknown> } | undefined): Promise<void> {
    this.begin(name);
    await component?.close();
  }

  end(): void {
    this.#end();
    this.#log.info('stopped');
  }
}
