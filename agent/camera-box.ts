import type { Static } from 'typebox';
import type { TellBox } from './base/box-events.ts';
import type { Clock } from './base/clock.ts';
import { PerchError } from './base/errors.ts';
import { Gate } from './base/gate.ts';
import { joinSignals } from './base/joined-signal.ts';
import { type Logger, redact } from './base/log.ts';
import {
  askedFor,
  type CameraJson,
  descriptionJson,
  failedItem,
  failureJson,
  foundJson,
  lookJson,
  timeText,
} from './camera-json.ts';
import { portProber, rtspProber, streamProver } from './camera-proof.ts';
import { ofCamera } from './camera-steering.ts';
import { CameraStills } from './camera-stills.ts';
import { Adopter, type AdopterDeps } from './cameras/adoption/adopter.ts';
import { failureOf } from './cameras/adoption/failure-words.ts';
import { type Look, Looks } from './cameras/adoption/looks.ts';
import { SUB_SUFFIX } from './cameras/adoption/path-names.ts';
import { isRange } from './cameras/adoption/wish.ts';
import type { CameraDescription } from './cameras/device/understand.ts';
import type { FoundCameras } from './cameras/discovery/found-cameras.ts';
import type { Config } from './config/load.ts';
import type { PathEntry, ReadyPath } from './config/path-entry.ts';
import type { ConfigStore } from './config/store.ts';
import type { AdoptAnswer, AdoptBody, CheckAnswer, CheckWish, ProbeBody } from './http/api/camera-schemas.ts';
import type { CameraLookup } from './http/api/cameras.ts';

const MAX_PICTURE_BYTES = 4 << 20;
const PICTURE_DEADLINE_MS = 10_000;
/** Cameras that are spoken to at the same time, and those that wait for it. */
const AT_ONCE = 4;
const MOST_WAITING = 128;
/** For one camera: where nothing is known, the streams of all makers are tried, one a second. */
const DEADLINE_MS = 5 * 60_000;
const TELL_EVERY_MS = 1_000;

export interface CameraBoxDeps extends Partial<Pick<AdopterDeps, 'onvifPorts' | 'streamPorts' | 'logins'>> {
  readonly store: Pick<ConfigStore, 'current' | 'revise'>;
  /** What runs, the demo camera included. */
  config(): Config;
  readonly found: FoundCameras;
  readonly paths: { find(name: string): PathState | undefined };
  readonly includeLoopback: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tell: TellBox;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

interface PathState {
  readonly sourceState: 'running' | 'waiting' | 'stopped' | 'disabled' | null;
  readonly lastError: string | null;
  readonly lastErrorTime: string | null;
}

interface Known {
  readonly description: CameraDescription;
  readonly atMs: number;
}

type AdoptItem = Static<typeof AdoptAnswer>['items'][number];

/** The cameras of the box as the API has them: found, looked at, adopted, read, forgotten. */
export class CameraBox implements CameraLookup {
  readonly #deps: CameraBoxDeps;
  readonly #adopter: Adopter;
  readonly #looks: Looks;
  readonly #pictures: CameraStills;
  readonly #gate = new Gate(AT_ONCE, MOST_WAITING, 'cameras');
  /** By path; what a camera has told last. */
  readonly #known = new Map<string, Known>();
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(deps: CameraBoxDeps) {
    const { clock, store, log, signal } = deps;
    this.#deps = deps;
    this.#adopter = new Adopter({
      ...{ ...deps, paths: store, prover: streamProver(clock) },
      ...{ isOpen: portProber(clock), speaksRtsp: rtspProber(clock) },
    });
    this.#looks = new Looks(log, signal, (look) => this.#tellLook(look));
    this.#pictures = new CameraStills(deps.config, MAX_PICTURE_BYTES);
  }

  get isLooking(): boolean {
    return this.#deps.found.isLooking;
  }

  discover(): Promise<void> {
    return this.#deps.found.look();
  }

  found() {
    return this.#deps.found.list().map((camera) => foundJson(camera, this.#adopter.adoptedAs(camera)));
  }

  probe(body: Static<typeof ProbeBody>) {
    const { target, ...login } = body;
    const { found, includeLoopback } = this.#deps;
    if (!isRange(target, includeLoopback)) {
      const wish = { ...login, address: target };
      return lookJson(this.#looks.start(target, (signal, tell) => this.#adopter.look(wish, signal, tell)));
    }
    const look = this.#looks.start(target, async (signal, tell) => {
      await found.probe(target, { signal, onProgress: (done, total) => tell({ what: 'a probe', done, total }) });
      return undefined;
    });
    return lookJson(look);
  }

  look(id: string) {
    const look = this.#looks.get(id);
    return look && lookJson(look);
  }

  endLook(id: string): boolean {
    return this.#looks.end(id);
  }

  async check(wish: Static<typeof CheckWish>): Promise<Static<typeof CheckAnswer>> {
    this.#gate.checkRoom(1);
    try {
      const description = await this.#inTurn((signal) => this.#adopter.check(wish, signal));
      const shown = description ? descriptionJson(description) : null;
      return { isGood: true, ...failureJson(undefined), description: shown };
    } catch (error) {
      return { isGood: false, ...failureJson(failureOf(error, this.#deps.log)), description: null };
    }
  }

  async adopt({ cameras, ...shared }: Static<typeof AdoptBody>): Promise<Static<typeof AdoptAnswer>> {
    this.#gate.checkRoom(cameras.length);
    const items = cameras.map((camera) => {
      // A user of its own has a password of its own.
      return this.#adoptOne(camera.user === undefined ? { ...shared, ...camera } : camera);
    });
    return { items: await Promise.all(items) };
  }

  list(): CameraJson[] {
    return this.#cameras().map((path) => this.#itemOf(path));
  }

  async read(path: string): Promise<CameraJson> {
    const camera = this.#cameraAt(path);
    const { onvif, user, password, clearPassword } = camera.settings.camera ?? {};
    if (onvif === undefined) {
      throw new PerchError('unsupported', 'this camera has no ONVIF: nothing more can be asked of it', { path });
    }
    this.#gate.checkRoom(1);
    const wish = { onvif, user, password, clearPassword };
    const description = await ofCamera(() => this.#inTurn((signal) => this.#adopter.read(wish, signal)));
    this.#remember(path, description);
    return this.#itemOf(camera);
  }

  async forget(path: string): Promise<void> {
    const { store, tell, log } = this.#deps;
    await store.revise(({ config }) => {
      const paths = camerasOf(config);
      if (!paths.some(({ name }) => name === path)) {
        throw noSuchCamera(path);
      }
      const sub = subOf(path, config);
      return [path, ...(sub ? [sub.name] : [])].map((name) => ({ keyPath: ['paths', name], value: undefined }));
    });
    this.#known.delete(path);
    log.info({ path }, 'camera forgotten');
    tell('camera', { state: 'forgotten', path });
  }

  async snapshot(path: string): Promise<Uint8Array> {
    const source = this.#pictures.sourceOf(this.#cameraAt(path).name);
    if (!source) {
      throw new PerchError('unsupported', 'this camera has no ONVIF, and so no picture of its own', { path });
    }
    const joined = joinSignals([this.#deps.signal], PICTURE_DEADLINE_MS);
    try {
      return await ofCamera(() => source.fetch(joined.signal));
    } catch (error) {
      if (joined.isLate && !(error instanceof PerchError)) {
        throw new PerchError('timeout', `no picture within ${PICTURE_DEADLINE_MS / 1000} s`, { path }, error);
      }
      throw error;
    } finally {
      joined.release();
    }
  }

  async #adoptOne(wish: Static<typeof AdoptBody>['cameras'][number]): Promise<AdoptItem> {
    const { log, tell } = this.#deps;
    try {
      const { title, paths, description } = await this.#inTurn((signal) => this.#adopter.adopt(wish, signal));
      const [first] = paths;
      const names = paths.flatMap(({ name, sub }) => (sub === undefined ? [name] : [name, sub]));
      for (const { name } of description ? paths : []) {
        this.#remember(name, description as CameraDescription);
      }
      log.info({ paths: names }, 'camera adopted');
      tell('camera', { state: 'adopted', path: first?.name, name: title, paths: names });
      return {
        ...{
          status: 'ok',
          camera: askedFor(wish),
          ...failureJson(undefined),
          title,
          path: first?.name ?? null,
          paths: names,
        },
        description: description ? descriptionJson(description) : null,
      };
    } catch (error) {
      const failure = failureOf(error, log);
      const item = failedItem(wish, failure);
      log.info({ camera: item.camera, reason: redact(failure.words), trouble: failure.trouble }, 'camera not adopted');
      return item;
    }
  }

  /** A camera at a time has so long; a few have their turn together. */
  #inTurn<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#gate.run(async () => {
      const joined = joinSignals([this.#deps.signal], DEADLINE_MS);
      try {
        return await work(joined.signal);
      } finally {
        joined.release();
      }
    });
  }

  #remember(path: string, description: CameraDescription): void {
    this.#known.set(path, { description, atMs: this.#deps.clock.wallMs() });
  }

  #cameras(): ReadyPath[] {
    const cameras = camerasOf(this.#deps.config());
    for (const path of this.#known.keys()) {
      if (!cameras.some(({ name }) => name === path)) {
        this.#known.delete(path);
      }
    }
    return cameras;
  }

  #cameraAt(path: string): ReadyPath {
    const camera = this.#cameras().find(({ name }) => name === path);
    if (!camera) {
      throw noSuchCamera(path);
    }
    return camera;
  }

  #itemOf({ name, settings }: ReadyPath): CameraJson {
    const { camera = {}, source } = settings;
    const state = this.#deps.paths.find(name);
    const known = this.#known.get(name);
    return {
      path: name,
      sub: subOf(name, this.#deps.config())?.name ?? null,
      title: camera.name ?? null,
      onvif: camera.onvif ?? null,
      endpoint: camera.endpoint ?? null,
      serial: camera.serial ?? null,
      source: redact(source),
      hasLogin: (camera.user ?? '') !== '',
      state: !state || state.sourceState === 'disabled' ? null : state.sourceState,
      lastError: state?.lastError ?? null,
      lastErrorTime: state?.lastErrorTime ?? null,
      next: state?.sourceState === 'waiting' ? this.#nextStep(camera) : null,
      description: known ? descriptionJson(known.description) : null,
      descriptionTime: known ? timeText(known.atMs) : null,
    };
  }

  /** What the networks tell about a camera that is not there. */
  #nextStep({ endpoint = '', onvif = '' }: NonNullable<ReadyPath['settings']['camera']>): string {
    const seen = endpoint === '' ? undefined : this.#deps.found.find(endpoint)[0];
    if (!seen) {
      return 'see whether the camera has power and is in the network, then look for cameras';
    }
    return seen.url === onvif
      ? `the camera has answered at ${seen.address} at ${timeText(seen.lastSeenMs)}: check its login, and that RTSP is switched on in it`
      : `a camera with this identity has answered at ${seen.address}: the path goes there once that is made sure; if it does not, check the login`;
  }

  #tellLook(look: Look): void {
    const nowMs = this.#deps.clock.monoMs();
    if (look.state === 'running' && nowMs - this.#toldMs < TELL_EVERY_MS) {
      return;
    }
    this.#toldMs = nowMs;
    const { id, target, what, done, total, error } = lookJson(look);
    const state = look.state === 'running' ? 'probing' : 'probed';
    this.#deps.tell('camera', { state, id, target, what, done, total, error });
  }
}

const noSuchCamera = (path: string): PerchError => new PerchError('notFound', 'no camera has this path', { path });

/** The small stream of a camera is no camera of its own. */
function camerasOf(config: Config): ReadyPath[] {
  return [...config.paths.values()]
    .filter(isReady)
    .filter(({ settings, pattern }) => settings.camera !== undefined && pattern === undefined)
    .filter(({ name }) => !name.endsWith(SUB_SUFFIX) || !isSub(name, config))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const isSub = (name: string, config: Config): boolean => subOf(name.slice(0, -SUB_SUFFIX.length), config) !== undefined;

function subOf(name: string, config: Config): ReadyPath | undefined {
  const [main, sub] = [config.paths.get(name), config.paths.get(name + SUB_SUFFIX)];
  const [camera, other] = [main?.settings?.camera, sub?.settings?.camera];
  return sub && isReady(sub) && camera && other && camera.onvif === other.onvif ? sub : undefined;
}

const isReady = (path: PathEntry): path is ReadyPath => path.settings !== undefined;
