import type { Static } from 'typebox';
import { putBounded } from '../base/bounded-map.ts';
import type { ConcurrencyLimit } from '../base/concurrency-limit.ts';
import { PerchError } from '../base/errors.ts';
import type { PublishEvent } from '../base/event-bus.ts';
import { withJoinedSignal } from '../base/joined-signal.ts';
import { redact } from '../base/log.ts';
import type { Context } from '../config/load/context.ts';
import type { Config } from '../config/load/load.ts';
import type { ReadyPath } from '../config/load/path-entry.ts';
import { isOff, type PathSettings } from '../config/schema/path.ts';
import type { ConfigStore } from '../config/store/store.ts';
import type { Edit } from '../config/yaml/edit.ts';
import type { AdoptedLookup } from '../http/api/cameras/adopted-cameras.ts';
import type { CameraPatch, LoginAnswer } from '../http/api/cameras/camera-schemas.ts';
import type { CameraDescription } from '../onvif/device/describe-device.ts';
import type { FoundCameras } from '../onvif/discovery/found-cameras.ts';
import type { UnknownTopic } from '../onvif/events/detections.ts';
import type { CameraTrouble } from '../onvif/soap/http/failures.ts';
import type { Adopter } from './adoption/adopter.ts';
import { failureOf, troubleIn } from './adoption/failure.ts';
import { oneLine } from './adoption/plan.ts';
import { type CameraJson, descriptionJson, failureJson, pendingJson, timeText } from './api-views.ts';
import { CameraCompletion } from './completion.ts';
import { DeviceInfoCache } from './device-info.ts';
import { isElsewhere } from './following/followed-camera.ts';
import type { MismatchedDevice } from './following/follower.ts';
import { checkLogin, describeInBackground, type Login, withoutLogin } from './login.ts';
import { ofCamera } from './onvif/steering.ts';
import { cameraAt, camerasOf, mainPathAt, pathsOfDevice, streamsOf, subOf } from './path-entries.ts';
import { CameraSnapshots } from './snapshots.ts';

const MAX_PICTURE_BYTES = 4 << 20;
const PICTURE_DEADLINE_MS = 10_000;
const DEADLINE_MS = 60_000;

export interface ConfiguredCamerasDeps extends Pick<Context, 'clock' | 'log' | 'signal'> {
  readonly store: Pick<ConfigStore, 'current' | 'revise'>;
  /** The configuration as written, in effect or not, with the demo camera. */
  config(): Config;
  readonly found: Pick<FoundCameras, 'find'>;
  readonly paths: PathsState;
  /** Why the missing camera of a path is not followed to where it was seen. */
  mismatchOf(path: string): MismatchedDevice | undefined;
  /** Topics of the camera's events that no rule names. */
  unknownTopics(path: string): readonly UnknownTopic[];
  readonly adopter: Pick<Adopter, 'read'>;
  /** Limits concurrent work on cameras. */
  readonly gate: ConcurrencyLimit;
  readonly publish: PublishEvent;
  /** Called before the camera of the path is removed, while it can still be reached. */
  leaving(path: string): Promise<void>;
}

interface PathsState {
  find(name: string): PathState | undefined;
  /** Why the source of the path fails; undefined before a failure. */
  faultOf(name: string): unknown;
}

interface PathState {
  readonly ready: boolean;
  readonly sourceState: 'running' | 'waiting' | 'stopped' | 'disabled' | null;
  readonly lastError: string | null;
  readonly lastErrorTime: string | null;
}

export class ConfiguredCameras implements AdoptedLookup {
  readonly descriptions: DeviceInfoCache;
  readonly completion: CameraCompletion;
  readonly #deps: ConfiguredCamerasDeps;
  readonly #pictures: CameraSnapshots;
  /** Removed blocks of the file by path, newest last. */
  readonly #forgotten = new Map<string, readonly Edit[]>();

  constructor(deps: ConfiguredCamerasDeps) {
    const { config, clock } = deps;
    this.#deps = deps;
    this.#pictures = new CameraSnapshots(config);
    const read = (camera: ReadyPath) => this.#inTurn((signal) => describeInBackground(camera, clock, signal));
    this.descriptions = new DeviceInfoCache({ ...deps, read });
    this.completion = new CameraCompletion({
      ...deps,
      read,
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
      throw new PerchError('unsupported', 'this camera has no ONVIF, so its data are unavailable', { path });
    }
    const request = { onvif, user, password, clearPassword, endpoint, serial };
    const description = await ofCamera(() => this.#inTurn((signal) => this.#deps.adopter.read(request, signal)));
    this.descriptions.remember(camera, description);
    return this.#itemOf(camera);
  }

  remember(paths: readonly string[], description: CameraDescription): void {
    const config = this.#deps.store.current;
    for (const camera of camerasOf(config).filter(({ name }) => paths.includes(name))) {
      this.descriptions.remember(camera, description);
    }
  }

  async forget(path: string): Promise<void> {
    const { publish, log } = this.#deps;
    let blocks: readonly Edit[] = [];
    await this.#deps.leaving(path);
    await this.#deps.store.revise(({ config, written }) => {
      const keyPaths = streamsOf(mainPathAt(path, config), config).map(({ name }) => ['paths', name]);
      blocks = keyPaths.map((keyPath) => ({ keyPath, value: blockAt(written, keyPath) ?? null }));
      return keyPaths.map((keyPath) => ({ keyPath, value: undefined }));
    });
    putBounded(this.#forgotten, path, blocks, 50);
    log.info({ path }, 'camera removed');
    publish('camera', { state: 'forgotten', path });
  }

  async restore(path: string): Promise<CameraJson> {
    const { store, publish, log } = this.#deps;
    const blocks = this.#forgotten.get(path);
    if (!blocks) {
      throw new PerchError('notFound', 'no camera of this path was removed since Perch was started', { path });
    }
    await store.revise(({ config }) => {
      const taken = blocks.map(({ keyPath }) => String(keyPath[1])).find((name) => config.paths.has(name));
      if (taken !== undefined) {
        throw new PerchError('badInput', `path '${taken}' exists again`, { path });
      }
      return blocks;
    });
    this.#forgotten.delete(path);
    log.info({ path }, 'camera restored');
    publish('camera', { state: 'adopted', path, paths: blocks.map(({ keyPath }) => String(keyPath[1])) });
    return this.#itemOf(mainPathAt(path, store.current));
  }

  async patch(path: string, body: Static<typeof CameraPatch>): Promise<CameraJson> {
    const { title, paused, pausedUntil } = body;
    if (pausedUntil != null && paused !== true) {
      throw new PerchError('badInput', 'pausedUntil is the end of a pause: it needs paused: true');
    }
    if (pausedUntil != null && Date.parse(pausedUntil) <= this.#deps.clock.wallMs()) {
      throw new PerchError('badInput', `pausedUntil ${pausedUntil} is in the past`);
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
      this.#deps.publish('camera', { state: paused ? 'paused' : 'resumed', path, until: pausedUntil });
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
    log.info({ paths }, 'login of a camera changed');
    return { isGood: true, ...failureJson(undefined), paths: [...paths] };
  }

  async order(paths: readonly string[]): Promise<void> {
    await this.#deps.store.revise(({ config }) => {
      const named = [...new Set(paths)].map((path) => mainPathAt(path, config));
      const others = camerasOf(config).filter(({ name }) => !paths.includes(name));
      return [...named, ...others].flatMap(({ name, settings }, i) =>
        settings.camera?.order === i + 1 ? [] : cameraEdits(name, { order: i + 1 }),
      );
    });
  }

  async snapshot(path: string): Promise<Uint8Array> {
    const { name, settings } = cameraAt(path, this.#deps.config());
    const source = this.#pictures.sourceOf(name, MAX_PICTURE_BYTES);
    if (!source) {
      const isPaused = isOff(settings);
      const why = settings.isPrivate ? 'is private in the present mode' : 'is paused';
      const reason = isPaused ? why : 'has no ONVIF, and so no picture of its own';
      throw new PerchError('unsupported', `this camera ${reason}`, { path, isPaused });
    }
    const fetch = (signal: AbortSignal) => ofCamera(() => source.fetch(signal));
    const picture = await this.#within(PICTURE_DEADLINE_MS, 'no picture', fetch).catch((error: unknown) => {
      throw error instanceof PerchError
        ? new PerchError(error.code, error.message, { path, ...error.context }, error)
        : error;
    });
    // Meanwhile the camera may have become private.
    if (!this.#pictures.sourceOf(name, MAX_PICTURE_BYTES)) {
      throw new PerchError('unsupported', 'this camera is private in the present mode', { path, isPaused: true });
    }
    return picture;
  }

  #inTurn<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#deps.gate.run(() => this.#within(DEADLINE_MS, 'the camera did not finish', work));
  }

  /** @param missing at the deadline, for the error */
  #within<T>(deadlineMs: number, missing: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withJoinedSignal([this.#deps.signal], deadlineMs, (joined) =>
      work(joined.signal).catch((error: unknown) => {
        if (joined.isLate && !(error instanceof PerchError)) {
          throw new PerchError('timeout', `${missing} within ${deadlineMs / 1000} s`, {}, error);
        }
        throw error;
      }),
    );
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
    // A connection attempt to a silent address outlasts the pause before the next one.
    const isTrying = state?.sourceState === 'running' && !state.ready && fault !== undefined;
    const isUnreachable = !isOff(settings) && (state?.sourceState === 'waiting' || isTrying);
    const doubt = isUnreachable ? this.#deps.mismatchOf(name) : undefined;
    const trouble = isUnreachable ? (doubt?.trouble ?? troubleIn(fault)) : undefined;
    return {
      path: name,
      sub: subOf(name, this.#deps.config())?.name ?? null,
      title: camera.name ?? null,
      onvif: camera.onvif ?? null,
      endpoint: camera.endpoint ?? null,
      serial: camera.serial ?? null,
      source: redact(source),
      hasLogin: (camera.user ?? '') !== '',
      takesEvents: camera.events !== false,
      state: stateOf(settings, state),
      pausedUntil: (camera.paused && camera.pausedUntil) || null,
      lastError: state?.lastError ?? null,
      lastErrorTime: state?.lastErrorTime ?? null,
      trouble: trouble ?? null,
      next: isUnreachable ? (nextOf(doubt) ?? NEXT[trouble ?? 'unreachable'] ?? this.#nextStep(camera)) : null,
      seenAt: doubt?.address ?? null,
      unknownTopics: this.#deps.unknownTopics(name).map(({ topic, type }) => ({ topic, event: type ?? null })),
      pending: pendingJson(streamsOf(path, this.#deps.config()), (stream) => this.#deps.paths.faultOf(stream)),
      description: known ? descriptionJson(known.description) : null,
      descriptionTime: known ? timeText(known.wallMs) : null,
    };
  }

  #nextStep(camera: NonNullable<ReadyPath['settings']['camera']>): string {
    const { endpoint = '' } = camera;
    const known = endpoint === '' ? [] : this.#deps.found.find(endpoint);
    const [seen] = known.toSorted((a, b) => b.lastSeenMs - a.lastSeenMs);
    if (!seen) {
      return 'check that the camera has power and network, then search for cameras';
    }
    return !isElsewhere(camera, seen.url)
      ? `the camera has answered at ${seen.address} at ${timeText(seen.lastSeenMs)}: check its login, and that RTSP is switched on in it`
      : `a camera with this identity has answered at ${seen.address}: the path follows once its identity is verified; if it does not, check the login`;
  }
}

function stateOf(settings: PathSettings, state: PathState | undefined): CameraJson['state'] {
  if (isOff(settings)) {
    return settings.isPrivate ? 'private' : 'paused';
  }
  return !state || state.sourceState === 'disabled' ? null : state.sourceState;
}

/** Advice for a camera that was seen elsewhere and is not followed. */
function nextOf(doubt: MismatchedDevice | undefined): string | undefined {
  if (!doubt) {
    return undefined;
  }
  const { address, reason, trouble } = doubt;
  const then =
    trouble === 'clock'
      ? 'on its own page, or let it use a time server; the path follows within a minute after that'
      : 'if it is the camera, adopt it there or change the address of the path; Perch tries again every ten minutes';
  return `a camera with this identity has answered at ${address}, and the path does not follow: ${reason}${trouble === 'clock' ? ' ' : '; '}${then}`;
}

const GIVE_LOGIN =
  'give this camera a user and a password that it accepts: they are tried at once. After two refusals Perch waits half an hour, because cameras lock an account after some five wrong passwords';
const NEXT: Partial<Record<CameraTrouble, string>> = {
  otherCamera:
    'if this camera was replaced, adopt the new one, or remove endpoint and serial from the settings of the path; if not, find out which address the camera has now',
  otherCertificate:
    "if the camera's certificate was renewed, set its new fingerprint as camera.fingerprint of each of its paths, or remove that key; if not, another device answers at its address",
  wrongPassword: GIVE_LOGIN,
  lockedOut: 'wait until the camera accepts this user again; it has locked the account after wrong passwords',
};

const blockAt = (written: unknown, keyPath: readonly string[]): unknown =>
  keyPath.reduce<unknown>(
    (block, key) => (block as Readonly<Record<string, unknown>> | null | undefined)?.[key],
    written,
  );

/** Edits of the path's `camera:` block; undefined removes a key. */
const cameraEdits = (path: string, values: Readonly<Record<string, unknown>>): Edit[] =>
  Object.entries(values).map(([key, value]) => ({ keyPath: ['paths', path, 'camera', key], value }));

/** Removes a login in the address, which would take precedence. */
const loginEdits = (path: string, source: string, { user, password, clearPassword }: Login): Edit[] => [
  ...(withoutLogin(source) === source ? [] : [{ keyPath: ['paths', path, 'source'], value: withoutLogin(source) }]),
  ...cameraEdits(path, { user, password }),
  ...(clearPassword === undefined ? [] : cameraEdits(path, { clearPassword: clearPassword || undefined })),
];
