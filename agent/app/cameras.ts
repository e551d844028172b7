import { SecretKey } from '../auth/accounts/secret-key.ts';
import { CameraSearch } from '../cameras/camera-search.ts';
import { Cameras } from '../cameras/cameras.ts';
import { Layouts } from '../cameras/layouts.ts';
import type { Controls } from '../cameras/onvif/controls.ts';
import { OnvifFeatures } from '../cameras/onvif/onvif-features.ts';
import { masksOf, steeringOf } from '../cameras/onvif/steering.ts';
import { lastingBytes, OwnSettingsChanges } from '../cameras/own-settings.ts';
import type { Context } from '../config/load/context.ts';
import type { Config } from '../config/load/load.ts';
import { type LoginFile, openStoredLogins } from '../onvif/soap/login/login-file.ts';
import type { PathTable } from '../paths/path-table.ts';
import type { Stream } from '../stream/stream.ts';
import type { Shared } from './app-state.ts';
import type { MediaPart } from './media.ts';

interface CameraLinks {
  /** The configuration that would be in force with this one. */
  inForce(config: Config): Config;
  /** Whether this Perch offers the camera with this endpoint or serial number. */
  isOwn(identity: string): boolean;
  /** Whether a feature reports events of this kind instead of the camera. */
  isReplaced: ConstructorParameters<typeof OnvifFeatures>[0]['isReplaced'];
  /** Whether a feature turns the camera of the path. */
  isTurning(path: string): boolean;
  /** Called before a person removes the camera of the path. */
  leaving(path: string): Promise<void>;
}

/** Cameras: search, adoption, what ONVIF adds to their streams, layouts of the page. */
export class CameraPart {
  readonly cameras: Cameras;
  readonly onvif: OnvifFeatures;
  readonly search: CameraSearch;
  readonly layouts: Layouts;
  readonly control: ReturnType<typeof cameraControl>;
  readonly #shared: Shared;
  #logins: LoginFile | undefined;

  constructor(shared: Shared, { paths, recordings }: MediaPart, { inForce, isOwn, leaving, ...links }: CameraLinks) {
    this.#shared = shared;
    const { store, events, discovery, settings: config } = shared;
    const history = recordings.events.hub;
    this.onvif = new OnvifFeatures({ ...shared, ...links, recordings, paths });
    const isMissing = () => paths.list().some(({ sourceState }) => sourceState === 'waiting');
    const streamFailed = (path: string, cause: unknown) => this.cameras.streamFailed(path, cause);
    this.search = new CameraSearch({ ...shared, publish: events.emit, history, isMissing, isOwn, streamFailed });
    this.cameras = new Cameras({
      ...shared,
      includeLoopback: false,
      ...discovery,
      paths,
      endGrants: (names) => shared.accounts.people.endGrants(names),
      config: () => inForce(store.current),
      found: this.search.found,
      mismatchOf: (path) => this.search.follower.mismatchOf(path),
      unknownTopics: (path) => this.onvif.unknownTopics(path),
      publish: events.emit,
      leaving,
    });
    this.layouts = new Layouts({ ...shared, paths, config });
    const changed = (path: string, what: 'settings' | 'reboot') => this.cameras.cameraChanged(path, what);
    this.control = cameraControl({ ...shared, paths, controls: this.onvif.controls, changed });
  }

  /** Reads the stored logins, which the first connections use. */
  async openLogins(): Promise<void> {
    const { dataDir, clock, log } = this.#shared;
    const key = await SecretKey.open(dataDir, log);
    this.#logins = await openStoredLogins(dataDir, (text) => key.sign('camera', text), clock, log);
  }

  streamOpened(name: string, stream: Stream): void {
    this.onvif.controls.streamOpened(name, stream);
    this.cameras.streamOpened(name);
  }

  apply(): void {
    this.onvif.apply();
    this.cameras.apply();
  }

  /** Closes the stored logins, which the last connections use. */
  async close(): Promise<void> {
    await this.#logins?.close();
  }
}

interface CameraControlDeps extends Pick<Context, 'clock' | 'log' | 'signal'> {
  readonly controls: Controls;
  readonly paths: PathTable;
  config(): Config;
  /** Called when the description of the camera is outdated. */
  changed(path: string, what: 'settings' | 'reboot'): void;
}

/** What the API changes in cameras through ONVIF: pan, tilt and zoom, their own settings, privacy masks. */
const cameraControl = ({ controls, paths, clock, log, signal, config, changed }: CameraControlDeps) => ({
  steering: steeringOf(controls, changed),
  ownSettings: new OwnSettingsChanges({
    clock,
    log,
    signal,
    control: (path) => controls.control(path),
    bytesReceived: (path) => lastingBytes(config(), paths, path),
    changed: (path) => changed(path, 'settings'),
  }),
  masks: masksOf(controls),
});
