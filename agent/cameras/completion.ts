import { explain, PerchError } from '../base/errors.ts';
import type { PublishEvent } from '../base/event-bus.ts';
import type { Context } from '../config/load/context.ts';
import type { Config } from '../config/load/load.ts';
import type { ReadyPath } from '../config/load/path-entry.ts';
import type { PathSettings } from '../config/schema/path.ts';
import type { ConfigStore } from '../config/store/store.ts';
import type { Edit } from '../config/yaml/edit.ts';
import type { CameraChannel, CameraDescription } from '../onvif/device/describe-device.ts';
import { SUB_SUFFIX } from './adoption/plan.ts';
import { withoutLogin } from './login.ts';
import { linkOf } from './onvif/onvif-link.ts';
import { isReady } from './path-entries.ts';

/** Pauses between searches for streams whose address has changed. Meanwhile their paths retry the configured address. */
const PAUSES_MS = [30_000, 60_000, 2 * 60_000, 5 * 60_000, 10 * 60_000, 30 * 60_000] as const;

interface CompletionDeps extends Pick<Context, 'clock' | 'log' | 'signal'> {
  readonly store: Pick<ConfigStore, 'current' | 'revise'>;
  /** Reads the camera and probes its streams. @throws PerchError */
  read(camera: ReadyPath): Promise<CameraDescription>;
  onRead(camera: ReadyPath, description: CameraDescription): void;
  readonly publish: PublishEvent;
}

/**
 * Completes cameras whose streams could not be probed when they were added (`camera.pending` in the configuration): a stream that opens is
 * complete; for the others the camera is read again at growing intervals, as for streams that are no longer at their address.
 */
export class CameraCompletion {
  readonly #deps: CompletionDeps;
  /** Cameras that are being completed, by the key of their link: a recorder has many paths. */
  readonly #running = new Set<string>();
  /** Paths whose camera has no stream at their address: a new firmware may have moved it. */
  readonly #lost = new Set<string>();

  constructor(deps: CompletionDeps) {
    this.#deps = deps;
  }

  apply(): void {
    for (const name of this.#lost) {
      if (!this.#deps.store.current.paths.has(name)) {
        this.#lost.delete(name);
      }
    }
    for (const path of this.#incomplete(this.#deps.store.current)) {
      const key = linkOf(path.settings)?.key;
      if (key !== undefined && !this.#running.has(key)) {
        this.#running.add(key);
        void this.#keepTrying(key).finally(() => this.#running.delete(key));
      }
    }
  }

  /** The stream runs, so its address is right. */
  async streamOpened(path: string): Promise<void> {
    this.#lost.delete(path);
    if (pendingOf(this.#deps.store.current).some(({ name, settings }) => name === path && isPulled(settings))) {
      await this.#logged(path, () => this.#revise(() => [withoutPending(path)]));
    }
  }

  streamFailed(path: string, cause: unknown): void {
    const isNew = !this.#lost.has(path) && this.#deps.store.current.paths.has(path);
    if (isNew && cause instanceof PerchError && cause.code === 'notFound') {
      this.#lost.add(path);
      this.apply();
    }
  }

  #incomplete(config: Config, key?: string): ReadyPath[] {
    return camerasIn(config, key).filter(
      ({ name, settings }) => isPending(settings) || (this.#lost.has(name) && isPulled(settings)),
    );
  }

  async #keepTrying(key: string): Promise<void> {
    const { clock, signal } = this.#deps;
    for (let i = 0; ; i += 1) {
      await clock.sleep(PAUSES_MS[Math.min(i, PAUSES_MS.length - 1)] ?? 0, signal);
      const [camera] = this.#incomplete(this.#deps.store.current, key);
      if (signal.aborted || !camera) {
        return;
      }
      await this.#logged(camera.name, () => this.#tryOnce(key, camera));
    }
  }

  async #tryOnce(key: string, camera: ReadyPath): Promise<void> {
    const description = await this.#deps.read(camera);
    this.#deps.onRead(camera, description);
    await this.#revise((config) =>
      this.#incomplete(config, key).flatMap((path) => completed(path, description, config)),
    );
  }

  async #revise(plan: (config: Config) => readonly Edit[]): Promise<void> {
    const { store, log, publish } = this.#deps;
    const before = pendingOf(store.current).map(({ name }) => name);
    await store.revise(({ config }) => plan(config), 'camera');
    const after = new Set(pendingOf(store.current).map(({ name }) => name));
    for (const path of before.filter((name) => !after.has(name))) {
      log.info({ path }, 'stream of a new camera is complete');
      publish('camera', { state: 'completed', path });
    }
  }

  async #logged(path: string, work: () => Promise<void>): Promise<void> {
    const { log, signal } = this.#deps;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PerchError)) {
        log.error({ path, err: error }, NOT_COMPLETED);
      } else if (!signal.aborted) {
        log.debug({ path, reason: explain(error) }, NOT_COMPLETED);
      }
    }
  }
}

const NOT_COMPLETED = 'camera cannot be completed yet';

/** @param key of the camera's link; default: all cameras */
const camerasIn = (config: Config, key?: string): ReadyPath[] =>
  [...config.paths.values()]
    .filter(isReady)
    .filter(({ pattern }) => pattern === undefined)
    .filter(({ settings }) => key === undefined || linkOf(settings)?.key === key);

const isPending = ({ camera }: PathSettings): boolean => camera?.pending !== undefined;

const pendingOf = (config: Config): ReadyPath[] => camerasIn(config).filter(({ settings }) => isPending(settings));

const withoutPending = (path: string): Edit => ({ keyPath: ['paths', path, 'camera', 'pending'], value: undefined });

/** The edits of a path by the camera's current streams; none while these are delayed again. */
function completed({ name, settings }: ReadyPath, description: CameraDescription, config: Config): Edit[] {
  const channel = channelOf(description, settings.camera?.profile);
  if (!channel) {
    return [];
  }
  const isSub = name.endsWith(SUB_SUFFIX) && config.paths.has(name.slice(0, -SUB_SUFFIX.length));
  const stream = isSub ? channel.sub : channel.main;
  if (!stream) {
    return channel.main.delay || !isPending(settings) ? [] : [{ keyPath: ['paths', name], value: undefined }];
  }
  const { token: profile, rtspUrl } = stream;
  const isOwn = settings.camera?.profile === profile;
  // A lost one follows its own profile, and keeps TLS, a tunnel or a login in the URL, which a person has chosen.
  if (!isPending(settings) && !(isOwn && serverOf(rtspUrl) === serverOf(settings.source))) {
    return [];
  }
  const isProved = !stream.delay && stream.probed !== undefined;
  const isNamed = !isPulled(settings) && rtspUrl !== undefined;
  if (!isProved && !isNamed) {
    return [];
  }
  const isMoved = withoutLogin(settings.source) !== rtspUrl;
  return [
    ...(isMoved ? [{ keyPath: ['paths', name, 'source'], value: rtspUrl }] : []),
    ...(isNamed ? [{ keyPath: ['paths', name, 'sourceOnDemand'], value: undefined }] : []),
    ...(isOwn ? [] : [{ keyPath: ['paths', name, 'camera', 'profile'], value: profile }]),
    ...(isProved && isPending(settings) ? [withoutPending(name)] : []),
  ];
}

/** Scheme, login, host and port. */
const serverOf = (url = ''): string => url.split('/', 3).join('/');

/** Whether the path is pulled. It is not if the camera was too busy to name the stream's address. */
const isPulled = ({ source }: PathSettings): boolean => source !== 'publisher';

function channelOf({ channels, profiles }: CameraDescription, name: string | undefined): CameraChannel | undefined {
  const byName = new Map(profiles.map((one) => [one.token, one]));
  const profile = byName.get(name ?? '');
  return channels.find(({ videoSource }) => profile && videoSource === profile.videoSource) ?? channels[0];
}
