import type { Static } from 'typebox';
import type { TellBox } from '../../base/box-events.ts';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Gate } from '../../base/gate.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import { type Logger, redact } from '../../base/log.ts';
import type { Adopter } from '../../cameras/adoption/adopter.ts';
import { failureOf, troubleIn } from '../../cameras/adoption/failure-words.ts';
import { oneLine } from '../../cameras/adoption/plan.ts';
import type { Doubted } from '../../cameras/following/follower.ts';
import type { Config } from '../../config/load/load.ts';
import type { ReadyPath } from '../../config/load/path-entry.ts';
import type { ConfigStore } from '../../config/store/store.ts';
import type { Edit } from '../../config/yaml/edit.ts';
import type { AdoptedLookup } from '../../http/api/cameras/adopted-cameras.ts';
import type { CameraPatch, LoginAnswer } from '../../http/api/cameras/camera-schemas.ts';
import type { CameraDescription } from '../../onvif/device/understand.ts';
import type { FoundCameras } from '../../onvif/discovery/found-cameras.ts';
import type { CameraTrouble } from '../../onvif/soap/http/failures.ts';
import { CameraStills } from '../recordings/snapshots.ts';
import { type CameraJson, descriptionJson, failureJson, pendingJson, timeText } from './api-views.ts';
import { CameraCompletion } from './completion.ts';
import { CameraDescriptions } from './device-info.ts';
import { checkLogin, type Login, readQuietly, withoutLogin } from './login.ts';
import { cameraAt, camerasOf, pathsOfDevice, streamsOf, subOf } from './path-entries.ts';
import { ofCamera } from './ptz.ts';

const MAX_PICTURE_BYTES = 4 << 20;
const PICTURE_DEADLINE_MS = 10_000;
const DEADLINE_MS = 60_000;
/** Cameras that were taken out and can be had back. */
const MAX_FORGOTTEN = 50;

export interface AdoptedCamerasDeps {
  readonly store: Pick<ConfigStore, 'current' | 'revise'>;
  /** As it is written, whether it runs already or not; the demo camera included. */
  config(): Config;
  readonly found: Pick<FoundCameras, 'find'>;
  readonly paths: PathsState;
  /** Why the path's camera, which is missing, is not followed to where it was seen. */
  doubtOf(path: string): Doubted | undefined;
  readonly adopter: Pick<Adopter, 'read'>;
  /** A few cameras have their turn together. */
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tell: TellBox;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

export interface PathsState {
  find(name: string): PathState | undefined;
  /** Why the source of the path does not come; undefined while nothing has failed. */
  faultOf(name: string): unknown;
}

interface PathState {
  readonly ready: boolean;
  readonly sourceState: 'running' | 'waiting' | 'stopped' | 'disabled' | null;
  readonly lastError: string | null;
  readonly lastErrorTime: string | null;
}

/** The cameras that the box has: shown, read, changed, forgotten. */
export class AdoptedCameras implements AdoptedLookup {
  readonly descriptions: CameraDescriptions;
  readonly completion: CameraCompletion;
  readonly #deps: AdoptedCamerasDeps;
  readonly #pictures: CameraStills;
  /** What stood in the file, by the path of the camera: the newest last. */
  readonly #forgotten = new Map<string, readonly Edit[]>();

  constructor(deps: AdoptedCamerasDeps) {
    const { config, clock } = deps;
    this.#deps = deps;
    this.#pictures = new CameraStills(config, MAX_PICTURE_BYTES);
    const read = (camera: ReadyPath) => this.#inTurn((signal) => readQuietly(camera, clock, signal));
    this.descriptions = new CameraDescriptions({ ...deps, read });
    this.completion = new CameraCompletion({
      ...{ ...deps, read },
      onRead: (camera, description) => this.descriptions.remember(camera, description),
    });
  }

  list(): CameraJson[] {
    return camerasOf(this.#deps.config()).map((camera) => this.#itemOf(camera));
  }

  async read(path: string): Promise<CameraJson> {
    const camera = cameraAt(path, this.#deps.config());
    const { onvif, user, password, clearPassword, endpoint, serial } = camera.settings.camera ?? {};
    if (onvif === undefined) {
      throw new PerchError('unsupported', 'this camera has no ONVIF: nothing more can be asked of it', { path });
    }
    const wish = { onvif, user, password, clearPassword, endpoint, serial };
    const description = await ofCamera(() => this.#inTurn((signal) => this.#deps.adopter.read(wish, signal)));
    this.descriptions.remember(camera, description);
    return this.#itemOf(camera);
  }

  /** What it has told when it was adopted. */
  remember(paths: readonly string[], description: CameraDescription): void {
    const config = this.#deps.store.current;
    for (const camera of camerasOf(config).filter(({ name }) => paths.includes(name))) {
      this.descriptions.remember(camera, description);
    }
  }

  async forget(path: string): Promise<void> {
    const { tell, log } = this.#deps;
    let blocks: readonly Edit[] = [];
    await this.#deps.store.revise(({ config, written }) => {
      const keyPaths = streamsOf(cameraAt(path, config), config).map(({ name }) => ['paths', name]);
      blocks = keyPaths.map((keyPath) => ({ keyPath, value: blockAt(written, keyPath) ?? null }));
      return keyPaths.map((keyPath) => ({ keyPath, value: undefined }));
    });
    this.#remember(path, blocks);
    log.info({ path }, 'camera forgotten');
    tell('camera', { state: 'forgotten', path });
  }

  async restore(path: string): Promise<CameraJson> {
    const { store, tell, log } = this.#deps;
    const blocks = this.#forgotten.get(path);
    if (!blocks) {
      throw new PerchError('notFound', 'no camera of this path was taken out since Perch was started', { path });
    }
    await store.revise(({ config }) => {
      const taken = blocks.map(({ keyPath }) => String(keyPath[1])).find((name) => config.paths.has(name));
      if (taken !== undefined) {
        throw new PerchError('badInput', `there is another path '${taken}' meanwhile`, { path });
      }
      return blocks;
    });
    this.#forgotten.delete(path);
    log.info({ path }, 'camera is back as it was');
    tell('camera', { state: 'adopted', path, paths: blocks.map(({ keyPath }) => String(keyPath[1])) });
    return this.#itemOf(cameraAt(path, store.current));
  }

  #remember(path: string, blocks: readonly Edit[]): void {
    this.#forgotten.delete(path);
    this.#forgotten.set(path, blocks);
    const [oldest = ''] = this.#forgotten.keys();
    if (this.#forgotten.size > MAX_FORGOTTEN) {
      this.#forgotten.delete(oldest);
    }
  }

  async patch(path: string, body: Static<typeof CameraPatch>): Promise<CameraJson> {
    const { title, paused, pausedUntil } = body;
    if (pausedUntil != null && paused !== true) {
      throw new PerchError('badInput', 'pausedUntil is the end of a pause: it needs paused: true');
    }
    if (pausedUntil != null && Date.parse(pausedUntil) <= this.#deps.clock.wallMs()) {
      throw new PerchError('badInput', `pausedUntil ${pausedUntil} is over already`);
    }
    const name = title === undefined ? undefined : oneLine(title);
    if (name === '') {
      throw new PerchError('badInput', 'title is empty');
    }
    const values = {
      ...(name !== undefined && { name }),
      ...(paused !== undefined && {
        paused: paused || undefined,
        pausedUntil: (paused && pausedUntil) || undefined,
      }),
    };
    await this.#revise(path, (camera, config) =>
      streamsOf(camera, config).flatMap((stream) => cameraEdits(stream.name, values)),
    );
    if (paused !== undefined) {
      this.#deps.tell('camera', { state: paused ? 'paused' : 'resumed', path, until: pausedUntil });
    }
    return this.#itemOf(cameraAt(path, this.#deps.store.current));
  }

  async login(path: string, login: Login): Promise<Static<typeof LoginAnswer>> {
    const { clock, log } = this.#deps;
    const camera = cameraAt(path, this.#deps.config());
    try {
      await this.#inTurn((signal) => checkLogin(camera, login, clock, signal));
    } catch (error) {
      return { isGood: false, ...failureJson(failureOf(error, log)), paths: [] };
    }
    let paths: readonly string[] = [];
    await this.#revise(path, (now, config) => {
      const device = pathsOfDevice(now, config);
      paths = device.map(({ name }) => name);
      return device.flatMap(({ name, settings }) => loginEdits(name, settings.source, login));
    });
    log.info({ paths }, 'the camera has another login now');
    return { isGood: true, ...failureJson(undefined), paths: [...paths] };
  }

  async order(paths: readonly string[]): Promise<void> {
    await this.#deps.store.revise(({ config }) => {
      const named = [...new Set(paths)].map((path) => cameraAt(path, config));
      const others = camerasOf(config).filter(({ name }) => !paths.includes(name));
      return [...named, ...others].flatMap(({ name, settings }, i) =>
        settings.camera?.order === i + 1 ? [] : cameraEdits(name, { order: i + 1 }),
      );
    });
  }

  async snapshot(path: string): Promise<Uint8Array> {
    const { name, settings } = cameraAt(path, this.#deps.config());
    const source = this.#pictures.sourceOf(name);
    if (!source) {
      const isPaused = settings.camera?.paused === true;
      const reason = isPaused ? 'is paused' : 'has no ONVIF, and so no picture of its own';
      throw new PerchError('unsupported', `this camera ${reason}`, { path, isPaused });
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

  async #inTurn<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#deps.gate.run(async () => {
      const joined = joinSignals([this.#deps.signal], DEADLINE_MS);
      try {
        return await work(joined.signal);
      } catch (error) {
        if (joined.isLate && !(error instanceof PerchError)) {
          throw new PerchError('timeout', `the camera was not done within ${DEADLINE_MS / 1000} s`, {}, error);
        }
        throw error;
      } finally {
        joined.release();
      }
    });
  }

  #revise(path: string, plan: (camera: ReadyPath, config: Config) => readonly Edit[]): Promise<void> {
    return this.#deps.store.revise(({ config }) => plan(cameraAt(path, config), config));
  }

  #itemOf(path: ReadyPath): CameraJson {
    const { name, settings } = path;
    const { camera = {}, source } = settings;
    const state = this.#deps.paths.find(name);
    const known = this.descriptions.get(path);
    const fault = this.#deps.paths.faultOf(name);
    // A connection attempt to an address that does not answer lasts longer than the pause before the next one.
    const isTrying = state?.sourceState === 'running' && !state.ready && fault !== undefined;
    const isAway = !camera.paused && (state?.sourceState === 'waiting' || isTrying);
    const doubt = isAway ? this.#deps.doubtOf(name) : undefined;
    const trouble = isAway ? (doubt?.trouble ?? troubleIn(fault)) : undefined;
    return {
      path: name,
      sub: subOf(name, this.#deps.config())?.name ?? null,
      title: camera.name ?? null,
      onvif: camera.onvif ?? null,
      endpoint: camera.endpoint ?? null,
      serial: camera.serial ?? null,
      source: redact(source),
      hasLogin: (camera.user ?? '') !== '',
      state: camera.paused ? 'paused' : !state || state.sourceState === 'disabled' ? null : state.sourceState,
      pausedUntil: (camera.paused && camera.pausedUntil) || null,
      lastError: state?.lastError ?? null,
      lastErrorTime: state?.lastErrorTime ?? null,
      trouble: trouble ?? null,
      next: isAway ? (nextOf(doubt) ?? NEXT[trouble ?? 'unreachable'] ?? this.#nextStep(camera)) : null,
      seenAt: doubt?.address ?? null,
      pending: pendingJson(streamsOf(path, this.#deps.config())),
      description: known ? descriptionJson(known.description) : null,
      descriptionTime: known ? timeText(known.wallMs) : null,
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
}

/** Where it was seen, and what keeps the path from going there. */
function nextOf(doubt: Doubted | undefined): string | undefined {
  if (!doubt) {
    return undefined;
  }
  const { address, reason, trouble } = doubt;
  const then =
    trouble === 'clock'
      ? 'on its own page, or let it ask a time server; the path goes there within a minute after that'
      : 'if it is the camera, adopt it there or change the address of the path; it is asked again every ten minutes';
  return `a camera with this identity has answered at ${address}, and the path does not go there: ${reason}${trouble === 'clock' ? ' ' : '; '}${then}`;
}

const GIVE_LOGIN =
  'give this camera a user and a password that it takes: they are tried at once. What it has refused twice is tried again after half an hour, because cameras lock an account after some five wrong passwords';
/** What to do where the camera is there. */
const NEXT: Partial<Record<CameraTrouble, string>> = {
  otherCamera:
    'if this camera was replaced, adopt the new one, or take endpoint and serial out of the settings of the path; if not, see which address the camera has now',
  otherCertificate:
    "if the camera's certificate was renewed, write its new fingerprint as camera.fingerprint of each of its paths, or take that key out; if not, something else answers at its address",
  wrongPassword: GIVE_LOGIN,
  lockedOut: 'wait until the camera lets this user in again; it has locked the account after wrong passwords',
};

/** What stands there in the file. */
const blockAt = (written: unknown, keyPath: readonly string[]): unknown =>
  keyPath.reduce<unknown>(
    (block, key) => (block as Readonly<Record<string, unknown>> | null | undefined)?.[key],
    written,
  );

/** Of keys in the path's `camera:` block; undefined takes one away. */
const cameraEdits = (path: string, values: Readonly<Record<string, unknown>>): Edit[] =>
  Object.entries(values).map(([key, value]) => ({ keyPath: ['paths', path, 'camera', key], value }));

/** A login in the address would go before the new one. */
const loginEdits = (path: string, source: string, { user, password, clearPassword }: Login): Edit[] => [
  ...(withoutLogin(source) === source ? [] : [{ keyPath: ['paths', path, 'source'], value: withoutLogin(source) }]),
  ...cameraEdits(path, { user, password }),
  ...(clearPassword === undefined ? [] : cameraEdits(path, { clearPassword: clearPassword || undefined })),
];
