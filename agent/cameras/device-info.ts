import { explain, PerchError } from '../base/errors.ts';
import type { Context } from '../config/load/context.ts';
import type { Config } from '../config/load/load.ts';
import type { ReadyPath } from '../config/load/path-entry.ts';
import type { CameraDescription } from '../onvif/device/describe-device.ts';
import { linkOf } from './onvif/onvif-link.ts';
import { camerasOf, pathsOfDevice, streamsOf } from './path-entries.ts';

/** Pause after a stream has opened, because a camera that has just started is busy. */
const OPENED_PAUSE_MS = 5_000;
const ON_DEMAND_PAUSE_MS = 30_000;
const CHANGED_PAUSE_MS = 1_000;
/** How long a description counts as current when the stream reconnects. */
const FRESH_MS = 600_000;
const FIRST_RETRY_MS = 600_000;

interface DeviceInfoOptions extends Pick<Context, 'clock' | 'log' | 'signal'> {
  config(): Config;
  read(camera: ReadyPath): Promise<CameraDescription>;
}

interface DatedDescription {
  readonly description: CameraDescription;
  readonly wallMs: number;
}

interface CachedDescription extends DatedDescription {
  /** Identity of the camera: settings that name another camera do not match. */
  readonly identity: string;
  readonly monoMs: number;
}

interface PendingRead {
  /** Key of the camera's ONVIF link: the channels of a recorder are read together. */
  readonly key: string;
  readonly path: string;
  failures: number;
  isRead: boolean;
  /** A setting was changed during the read. */
  isOld: boolean;
}

/** Descriptions of adopted cameras, read in the background when their streams open, a few at a time. */
export class DeviceInfoCache {
  readonly #options: DeviceInfoOptions;
  readonly #known = new Map<string, CachedDescription>();
  readonly #wanted = new Map<string, PendingRead>();
  readonly #due: PendingRead[] = [];
  #running = 0;

  constructor(options: DeviceInfoOptions) {
    this.#options = options;
  }

  get({ name, settings }: ReadyPath): DatedDescription | undefined {
    const known = this.#known.get(name);
    return known?.identity === identityOf(settings.camera) ? known : undefined;
  }

  remember({ name, settings }: ReadyPath, description: CameraDescription): void {
    const { clock } = this.#options;
    const times = { wallMs: clock.wallMs(), monoMs: clock.monoMs() };
    this.#known.set(name, { description, ...times, identity: identityOf(settings.camera) });
  }

  apply(): void {
    const cameras = camerasOf(this.#options.config());
    const names = new Set(cameras.map(({ name }) => name));
    for (const name of this.#known.keys()) {
      if (!names.has(name)) {
        this.#known.delete(name);
      }
    }
    for (const camera of cameras) {
      if (camera.settings.sourceOnDemand && !this.get(camera)) {
        this.#want(camera, ON_DEMAND_PAUSE_MS);
      }
    }
  }

  /** The camera runs, perhaps after a reboot. */
  streamOpened(path: string): void {
    const camera = camerasOf(this.#options.config()).find(({ name }) => name === path);
    const known = camera && this.get(camera) && this.#known.get(path);
    if (camera && !(known && this.#options.clock.monoMs() - known.monoMs < FRESH_MS)) {
      this.#want(camera, OPENED_PAUSE_MS);
    }
  }

  /** The description of this path's camera is outdated. */
  changed(path: string, what: 'settings' | 'reboot'): void {
    const config = this.#options.config();
    const camera = camerasOf(config).find((one) => streamsOf(one, config).some(({ name }) => name === path));
    for (const { name } of camera ? pathsOfDevice(camera, config) : []) {
      const known = this.#known.get(name);
      if (known) {
        this.#known.set(name, { ...known, monoMs: Number.NEGATIVE_INFINITY });
      }
    }
    if (camera && what === 'settings') {
      this.#wantAgain(camera);
    }
  }

  #want({ name, settings }: ReadyPath, pauseMs: number): void {
    const key = deviceKey(settings);
    if (key !== undefined && !this.#wanted.has(key)) {
      const wanted = { key, path: name, failures: 0, isRead: false, isOld: false };
      this.#wanted.set(key, wanted);
      void this.#dueAfter(wanted, pauseMs);
    }
  }

  /** Also replaces the pause after a failure, because the camera has just answered. */
  #wantAgain(camera: ReadyPath): void {
    const key = deviceKey(camera.settings) ?? '';
    const wanted = this.#wanted.get(key);
    if (wanted?.isRead) {
      wanted.isOld = true;
      return;
    }
    this.#wanted.delete(key);
    this.#want(camera, CHANGED_PAUSE_MS);
  }

  async #dueAfter(wanted: PendingRead, pauseMs: number): Promise<void> {
    const { clock, signal } = this.#options;
    await clock.sleep(pauseMs, signal);
    if (!signal.aborted && this.#wanted.get(wanted.key) === wanted) {
      this.#due.push(wanted);
      this.#readDue();
    }
  }

  #readDue(): void {
    while (this.#running < 2) {
      const wanted = this.#due.shift();
      if (!wanted) {
        return;
      }
      this.#running += 1;
      wanted.isRead = true;
      void this.#read(wanted).finally(() => {
        wanted.isRead = false;
        this.#running -= 1;
        this.#readDue();
      });
    }
  }

  async #read(wanted: PendingRead): Promise<void> {
    const { config, log, signal } = this.#options;
    const { key, path } = wanted;
    const camera = camerasOf(config()).find(({ name, settings }) => name === path && deviceKey(settings) === key);
    if (!camera) {
      this.#wanted.delete(key);
      return;
    }
    try {
      this.#rememberAll(camera, await this.#options.read(camera));
      this.#wanted.delete(key);
      if (wanted.isOld) {
        this.#want(camera, CHANGED_PAUSE_MS);
      }
    } catch (error) {
      if (signal.aborted) {
        return;
      }
      if (error instanceof PerchError) {
        log[wanted.failures === 0 ? 'info' : 'debug']({ path, reason: explain(error) }, NOT_READ);
      } else {
        log.error({ err: error, path }, NOT_READ);
      }
      wanted.failures += 1;
      void this.#dueAfter(wanted, Math.min(6 * 3_600_000, FIRST_RETRY_MS * 2 ** (wanted.failures - 1)));
    }
  }

  #rememberAll(camera: ReadyPath, description: CameraDescription): void {
    const config = this.#options.config();
    const names = new Set(pathsOfDevice(camera, config).map(({ name }) => name));
    for (const one of camerasOf(config).filter(({ name }) => names.has(name))) {
      this.remember(one, description);
    }
  }
}

/** @returns undefined for a camera without ONVIF, or while it is paused or private */
const deviceKey = (settings: ReadyPath['settings']): string | undefined => linkOf(settings)?.key;

const NOT_READ = 'description of a camera cannot be read';

/** The identity stays the same when the camera's address or login changes. */
const identityOf = ({ endpoint, serial, onvif }: NonNullable<ReadyPath['settings']['camera']> = {}): string =>
  JSON.stringify(endpoint === undefined && serial === undefined ? [onvif] : [endpoint, serial]);
