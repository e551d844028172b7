import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { ReadyPath } from '../../config/load/path-entry.ts';
import type { CameraDescription } from '../../onvif/device/understand.ts';
import { linkOf } from './grouping.ts';
import { camerasOf, pathsOfDevice, streamsOf } from './path-entries.ts';

/** Cameras that are read at the same time. */
const AT_ONCE = 2;
/** A camera that has just come up has more to do. */
const OPENED_PAUSE_MS = 5_000;
/** Of those whose stream nobody opens by itself. */
const ON_DEMAND_PAUSE_MS = 30_000;
const CHANGED_PAUSE_MS = 1_000;
/** What was read is good for so long, however often the stream begins anew. */
const FRESH_MS = 600_000;
const FIRST_RETRY_MS = 600_000;
const MAX_RETRY_MS = 6 * 3_600_000;

export interface DescriptionsOptions {
  /** What runs. */
  config(): Config;
  /** Asks the camera. @throws PerchError */
  read(camera: ReadyPath): Promise<CameraDescription>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

export interface Known {
  readonly description: CameraDescription;
  readonly wallMs: number;
}

interface Kept extends Known {
  /** Whose it is: settings that name another camera have none. */
  readonly identity: string;
  readonly monoMs: number;
}

/** A camera that is to be read. */
interface Wanted {
  /** Of the camera's link: the lenses of a recorder are read together. */
  readonly key: string;
  readonly path: string;
  failures: number;
  isRead: boolean;
  /** Something was set in it while it was read. */
  isOld: boolean;
}

/** What adopted cameras have told of themselves. Asks them in the background, a few at a time, when their streams are there. */
export class CameraDescriptions {
  readonly #options: DescriptionsOptions;
  /** By path. */
  readonly #known = new Map<string, Kept>();
  /** By their keys. */
  readonly #wanted = new Map<string, Wanted>();
  readonly #due: Wanted[] = [];
  #running = 0;

  constructor(options: DescriptionsOptions) {
    this.#options = options;
  }

  get({ name, settings }: ReadyPath): Known | undefined {
    const known = this.#known.get(name);
    return known?.identity === identityOf(settings.camera) ? known : undefined;
  }

  remember({ name, settings }: ReadyPath, description: CameraDescription): void {
    const { clock } = this.#options;
    const times = { wallMs: clock.wallMs(), monoMs: clock.monoMs() };
    this.#known.set(name, { description, ...times, identity: identityOf(settings.camera) });
  }

  /** The configuration is another one. */
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

  /** A camera is there, perhaps after a reboot. */
  streamOpened(path: string): void {
    const camera = camerasOf(this.#options.config()).find(({ name }) => name === path);
    const known = camera && this.get(camera) && this.#known.get(path);
    if (camera && !(known && this.#options.clock.monoMs() - known.monoMs < FRESH_MS)) {
      this.#want(camera, OPENED_PAUSE_MS);
    }
  }

  /** Something was set in the camera of this path, or it starts anew: what it has told is old. */
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
      this.#wantAnew(camera);
    }
  }

  #want({ name, settings }: ReadyPath, pauseMs: number): void {
    const key = keyOf(settings);
    if (key !== undefined && !this.#wanted.has(key)) {
      const wanted = { key, path: name, failures: 0, isRead: false, isOld: false };
      this.#wanted.set(key, wanted);
      void this.#dueAfter(wanted, pauseMs);
    }
  }

  /** Also when it is waited for a camera that has failed: it has just answered. */
  #wantAnew(camera: ReadyPath): void {
    const key = keyOf(camera.settings) ?? '';
    const wanted = this.#wanted.get(key);
    if (wanted?.isRead) {
      wanted.isOld = true;
      return;
    }
    this.#wanted.delete(key);
    this.#want(camera, CHANGED_PAUSE_MS);
  }

  async #dueAfter(wanted: Wanted, pauseMs: number): Promise<void> {
    const { clock, signal } = this.#options;
    await clock.sleep(pauseMs, signal);
    if (!signal.aborted && this.#wanted.get(wanted.key) === wanted) {
      this.#due.push(wanted);
      this.#takeTurns();
    }
  }

  #takeTurns(): void {
    while (this.#running < AT_ONCE) {
      const wanted = this.#due.shift();
      if (!wanted) {
        return;
      }
      this.#running += 1;
      wanted.isRead = true;
      void this.#read(wanted).finally(() => {
        wanted.isRead = false;
        this.#running -= 1;
        this.#takeTurns();
      });
    }
  }

  async #read(wanted: Wanted): Promise<void> {
    const { config, log, signal } = this.#options;
    const { key, path } = wanted;
    const camera = camerasOf(config()).find(({ name, settings }) => name === path && keyOf(settings) === key);
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
      void this.#dueAfter(wanted, Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (wanted.failures - 1)));
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

/** Undefined: it has no ONVIF, or is paused. */
const keyOf = (settings: ReadyPath['settings']): string | undefined => linkOf(settings)?.key;

const NOT_READ = 'the camera does not say what it is';

/** Its address and its login may change, it stays the same camera. */
const identityOf = ({ endpoint, serial, onvif }: NonNullable<ReadyPath['settings']['camera']> = {}): string =>
  JSON.stringify(endpoint === undefined && serial === undefined ? [onvif] : [endpoint, serial]);
