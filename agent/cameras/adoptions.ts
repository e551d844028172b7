import { randomUUID } from 'node:crypto';
import type { Static } from 'typebox';
import { putBounded } from '../base/bounded-map.ts';
import { type ConcurrencyLimit, ConcurrencyLimits } from '../base/concurrency-limit.ts';
import { PerchError } from '../base/errors.ts';
import type { PublishEvent } from '../base/event-bus.ts';
import { redact } from '../base/log.ts';
import { bareHost, splitUrl } from '../base/network/url-parts.ts';
import { isReadByAll, OpenFileWarning } from '../config/file/file.ts';
import type { Context } from '../config/load/context.ts';
import type { ConfigStore } from '../config/store/store.ts';
import type { AdoptAnswer, AdoptBody } from '../http/api/cameras/camera-schemas.ts';
import type { CameraDescription } from '../onvif/device/describe-device.ts';
import type { FoundCameras } from '../onvif/discovery/found-cameras.ts';
import type { Adopter } from './adoption/adopter.ts';
import { parseHost } from './adoption/camera-request.ts';
import { failureOf } from './adoption/failure.ts';
import type { OnProgress } from './adoption/progress.ts';
import { askedFor, descriptionJson, failedItem, failureJson, pendingJson, runningItem } from './api-views.ts';
import { isReady } from './path-entries.ts';

/** Cameras of all adoptions that have no result yet. */
const MAX_UNFINISHED = 512;
const RETRY_AFTER_S = 10;
/** An answer that waits for its cameras comes after this time at the latest. */
const MAX_WAIT_MS = 10_000;
const PUBLISH_EVERY_MS = 1_000;

interface AdoptionsDeps extends Pick<Context, 'clock' | 'log'> {
  readonly store: Pick<ConfigStore, 'current' | 'file'>;
  readonly adopter: Pick<Adopter, 'adopt'>;
  readonly found: Pick<FoundCameras, 'list'>;
  /** Of all work on cameras. */
  readonly gate: ConcurrencyLimit;
  /** Runs with the time limit for one camera. */
  inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  remember(paths: readonly string[], description: CameraDescription): void;
  readonly publish: PublishEvent;
}

type Request = Static<typeof AdoptBody>['cameras'][number];
type Answer = Static<typeof AdoptAnswer>;
type Item = Answer['items'][number];

interface Adoption {
  readonly id: string;
  readonly items: Item[];
  warning: string | undefined;
  isRunning: boolean;
}

/** Adoptions run in the background, each camera by itself: one that hangs delays no other. */
export class Adoptions {
  readonly #deps: AdoptionsDeps;
  readonly #openFile: OpenFileWarning;
  readonly #all = new Map<string, Adoption>();
  /** By host: recorders take few connections. */
  readonly #devices = new ConcurrencyLimits(4, MAX_UNFINISHED, 'cameras');
  #unfinished = 0;

  constructor(deps: AdoptionsDeps) {
    this.#deps = deps;
    this.#openFile = new OpenFileWarning(deps.log);
  }

  get(id: string): Answer | undefined {
    const adoption = this.#all.get(id);
    return adoption && answerOf(adoption);
  }

  /**
   * @param waits for the cameras, for a while
   * @throws PerchError exhausted if there is no room for all of them
   */
  async start({ cameras, ...shared }: Static<typeof AdoptBody>, waits: boolean): Promise<Answer> {
    const { clock, gate, store } = this.#deps;
    gate.checkRoom(cameras.length);
    if (this.#unfinished + cameras.length > MAX_UNFINISHED) {
      const words = `${this.#unfinished} cameras are being added already, the limit is ${MAX_UNFINISHED}`;
      throw new PerchError('exhausted', words, { retryAfterS: RETRY_AFTER_S });
    }
    // A camera's own user has its own password.
    const requests = cameras.map((camera) => (camera.user === undefined ? { ...shared, ...camera } : camera));
    const items = requests.map(runningItem);
    const adoption: Adoption = { id: randomUUID(), items, warning: undefined, isRunning: true };
    putBounded(this.#all, adoption.id, adoption, 16, ({ isRunning }) => isRunning);
    const done = this.#run(adoption, requests);
    // The file's mode is read now, because the edits are applied after the reply.
    const isOpen = await isReadByAll(store.file);
    if (waits) {
      const stop = new AbortController();
      await Promise.race([done, clock.sleep(MAX_WAIT_MS, stop.signal)]).finally(() => stop.abort());
    }
    if (isOpen) {
      adoption.warning = this.#warning();
    }
    return answerOf(adoption);
  }

  async #run(adoption: Adoption, requests: readonly Request[]): Promise<void> {
    this.#unfinished += requests.length;
    const work = requests.map(async (request, at) => {
      const isSlow = (): void => {
        adoption.items[at] = { ...runningItem(request), slow: true };
      };
      adoption.items[at] = await this.#adoptOne(request, isSlow);
      this.#unfinished -= 1;
    });
    await Promise.all(work);
    adoption.isRunning = false;
  }

  #warning(): string | undefined {
    const { current, file } = this.#deps.store;
    const hasPasswords = [...current.paths.values()].some(({ settings }) => settings?.camera?.password);
    return hasPasswords && file !== undefined ? this.#openFile.warn(file) : undefined;
  }

  async #adoptOne(request: Request, onSlow: () => void): Promise<Item> {
    const { adopter, found, gate, inTime, log, publish, remember, store } = this.#deps;
    const camera = askedFor(request);
    const adopt = (signal: AbortSignal) => {
      publish('camera', { state: 'adopting', camera });
      return adopter.adopt(request, signal, this.#progressPublisher(camera, onSlow));
    };
    try {
      const { title, paths, description } = await this.#devices.run(this.#hostOf(request), () =>
        gate.run(() => inTime(adopt)),
      );
      const [first] = paths;
      const names = paths.flatMap(({ name, sub }) => (sub === undefined ? [name] : [name, sub]));
      if (description) {
        remember(names, description);
      }
      const written = names.flatMap((name) => store.current.paths.get(name) ?? []);
      const pending = pendingJson(written.filter(isReady));
      log.info({ paths: names }, 'camera adopted');
      for (const { path, words } of pending) {
        log.warn({ path, reason: words }, 'stream could not be probed, retrying later');
      }
      publish('camera', {
        state: 'adopted',
        camera,
        path: first?.name,
        name: title,
        paths: names,
        pending: pending.map(({ path }) => path),
      });
      return {
        ...runningItem(request),
        status: 'ok',
        ...failureJson(undefined),
        title,
        path: first?.name ?? null,
        paths: names,
        pending,
        description: description ? descriptionJson(description) : null,
      };
    } catch (error) {
      const failure = failureOf(error, log);
      const reason = redact(failure.words);
      const { path, trouble, triesLeft } = failure;
      const known = found.list().find(({ endpoint }) => endpoint === request.endpoint);
      const facts = known ? { name: known.name, address: known.address } : { camera };
      log.info({ ...facts, reason, trouble }, 'camera not adopted');
      publish('camera', { state: 'notAdopted', camera, path, trouble, error: reason, triesLeft });
      return failedItem(request, failure);
    }
  }

  /** Host of the device, which may have several ports. */
  #hostOf({ endpoint, onvif, address, rtsp, source }: Request): string {
    if (endpoint) {
      return this.#deps.found.list().find((camera) => camera.endpoint === endpoint)?.address ?? endpoint;
    }
    const host = address ? parseHost(address).host : splitUrl(onvif || rtsp || source || '')?.host;
    return bareHost(host ?? '').toLowerCase();
  }

  /** Publishes the progress of an adoption by address, which takes time, at most once a second. */
  #progressPublisher(camera: string | null, onSlow: () => void): OnProgress {
    const { clock, publish } = this.#deps;
    let publishedMs = Number.NEGATIVE_INFINITY;
    return ({ what, done, total, isSlow }) => {
      if (isSlow) {
        onSlow();
      }
      if (clock.monoMs() - publishedMs >= PUBLISH_EVERY_MS) {
        publishedMs = clock.monoMs();
        publish('camera', { state: 'adopting', camera, what, done, total, slow: isSlow });
      }
    };
  }
}

const answerOf = ({ id, items, warning, isRunning }: Adoption): Answer => ({
  id,
  state: isRunning ? 'running' : 'done',
  items: [...items],
  warning: warning ?? null,
});
