import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { cameraNetworkAddress } from '../../system/camera-network.ts';
import { ConcurrencyLimit } from '../base/concurrency-limit.ts';
import { PerchError } from '../base/errors.ts';
import { StoredDocument } from '../base/files/stored-document.ts';
import { withJoinedSignal } from '../base/joined-signal.ts';
import type { Logger } from '../base/log.ts';
import { SerialQueue } from '../base/serial-queue.ts';
import type { Context } from '../config/load/context.ts';
import type { ConfigStore } from '../config/store/store.ts';
import type {
  AdoptAnswer,
  AdoptBody,
  CheckAnswer,
  CheckRequest,
  HideBody,
  ProbeBody,
} from '../http/api/cameras/camera-schemas.ts';
import type { CameraLookup } from '../http/api/cameras/cameras.ts';
import type { FoundCameras } from '../onvif/discovery/found-cameras.ts';
import { Adopter, type AdopterDeps } from './adoption/adopter.ts';
import { isRange } from './adoption/camera-request.ts';
import { failureOf } from './adoption/failure.ts';
import { type ProbeJob, ProbeJobs } from './adoption/probe-jobs.ts';
import { Adoptions } from './adoptions.ts';
import { descriptionJson, failureJson, foundJson, probeJobJson } from './api-views.ts';
import { ConfiguredCameras, type ConfiguredCamerasDeps } from './configured-cameras.ts';
import { CameraPauses } from './pauses.ts';
import { createPortProbe, createRtspProbe, createStreamProbe } from './stream-probe.ts';

const HIDDEN_FILE = 'hidden-cameras.json';
/** The cameras that were hidden first are shown again. */
const MAX_HIDDEN = 500;
/** Time limit for one camera: an unknown one is tried with the stream addresses of all makers, one a second. */
const DEADLINE_MS = 5 * 60_000;
const PUBLISH_EVERY_MS = 1_000;

export interface CamerasDeps
  extends Partial<Pick<AdopterDeps, 'onvifPorts' | 'streamPorts' | 'logins'>>,
    Pick<AdopterDeps, 'endGrants'>,
    Pick<ConfiguredCamerasDeps, 'config' | 'paths' | 'mismatchOf' | 'unknownTopics' | 'leaving' | 'publish'>,
    Pick<Context, 'dataDir' | 'clock' | 'log' | 'signal'> {
  readonly store: Pick<ConfigStore, 'current' | 'file' | 'revise'>;
  readonly found: FoundCameras;
  readonly includeLoopback: boolean;
  /** Folder of the answers of root's services. */
  readonly hostAnswers?: string | undefined;
}

/** Finds, probes and adopts cameras for the API. */
export class Cameras implements CameraLookup {
  readonly adopted: ConfiguredCameras;
  readonly #deps: CamerasDeps;
  readonly #adopter: Adopter;
  readonly #pauses: CameraPauses;
  readonly #probes: ProbeJobs;
  readonly #adoptions: Adoptions;
  readonly #hidden: HiddenCameras;
  /** A camera mostly waits for its device. */
  readonly #gate = new ConcurrencyLimit(64, 512, 'cameras');
  #publishedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: CamerasDeps) {
    const { clock, store, log, signal } = deps;
    this.#deps = deps;
    this.#adopter = new Adopter({
      ...deps,
      paths: store,
      createProbe: createStreamProbe(clock),
      isOpen: createPortProbe(clock),
      speaksRtsp: createRtspProbe(clock),
    });
    this.#pauses = new CameraPauses(deps);
    this.#hidden = new HiddenCameras(deps);
    this.#probes = new ProbeJobs(log, signal, (job) => this.#publishProbe(job));
    this.adopted = new ConfiguredCameras({ ...deps, adopter: this.#adopter, gate: this.#gate });
    this.#adoptions = new Adoptions({
      ...deps,
      adopter: this.#adopter,
      gate: this.#gate,
      inTime: (work) => this.#inTime(work),
      remember: (paths, description) => this.adopted.remember(paths, description),
    });
  }

  apply(): void {
    this.adopted.descriptions.apply();
    this.adopted.completion.apply();
  }

  streamOpened(path: string): void {
    this.adopted.descriptions.streamOpened(path);
    void this.adopted.completion.streamOpened(path);
  }

  streamFailed(path: string, cause: unknown): void {
    this.adopted.completion.streamFailed(path, cause);
  }

  cameraChanged(path: string, what: 'settings' | 'reboot'): void {
    this.adopted.descriptions.changed(path, what);
  }

  close(): Promise<void> {
    this.#pauses.close();
    return this.#hidden.close();
  }

  get isScanning(): boolean {
    return this.#deps.found.isScanning;
  }

  discover(): Promise<void> {
    return this.#deps.found.scan();
  }

  found() {
    const network = cameraNetworkAddress(this.#deps.hostAnswers);
    return this.#deps.found.list().map((camera) => {
      const isHidden = this.#hidden.has(camera.endpoint);
      return foundJson(camera, this.#adopter.adoptedAs(camera), network, isHidden);
    });
  }

  async hide({ endpoints, hidden }: Static<typeof HideBody>): Promise<void> {
    await this.#hidden.set(endpoints, hidden);
    this.#deps.publish('camera', { state: 'hidden' });
  }

  probe(body: Static<typeof ProbeBody>) {
    const { target, ...login } = body;
    const { found, includeLoopback } = this.#deps;
    if (!isRange(target, includeLoopback)) {
      const request = { ...login, address: target };
      return probeJobJson(
        this.#probes.start(target, (signal, publish) => this.#adopter.probe(request, signal, publish)),
      );
    }
    if (found.isSearchingRange) {
      throw new PerchError('exhausted', 'another range of addresses is being searched: wait for it to end', {
        isBusy: true,
      });
    }
    const job = this.#probes.start(target, async (signal, publish) => {
      await found.probe(target, { signal, onProgress: (done, total) => publish({ what: 'a probe', done, total }) });
      return undefined;
    });
    return probeJobJson(job);
  }

  probeJob(id: string) {
    const job = this.#probes.get(id);
    return job && probeJobJson(job);
  }

  endProbe(id: string): boolean {
    return this.#probes.end(id);
  }

  async check(request: Static<typeof CheckRequest>): Promise<Static<typeof CheckAnswer>> {
    this.#gate.checkRoom(1);
    try {
      const description = await this.#gate.run(() => this.#inTime((signal) => this.#adopter.check(request, signal)));
      const shown = description ? descriptionJson(description) : null;
      return { isGood: true, ...failureJson(undefined), description: shown };
    } catch (error) {
      return { isGood: false, ...failureJson(failureOf(error, this.#deps.log)), description: null };
    }
  }

  adopt(body: Static<typeof AdoptBody>, waits: boolean): Promise<Static<typeof AdoptAnswer>> {
    return this.#adoptions.start(body, waits);
  }

  adoption(id: string): Static<typeof AdoptAnswer> | undefined {
    return this.#adoptions.get(id);
  }

  #inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withJoinedSignal([this.#deps.signal], DEADLINE_MS, ({ signal }) => work(signal));
  }

  #publishProbe(job: ProbeJob): void {
    const nowMs = this.#deps.clock.monoMs();
    if (job.state === 'running' && nowMs - this.#publishedMs < PUBLISH_EVERY_MS) {
      return;
    }
    this.#publishedMs = nowMs;
    const { id, target, what, done, total, slow, error } = probeJobJson(job);
    const state = job.state === 'running' ? 'probing' : 'probed';
    this.#deps.publish('camera', { state, id, target, what, done, total, slow, error });
  }
}

const HiddenFile = Type.Object({
  endpoints: Type.Array(Type.String({ maxLength: 200 }), { maxItems: MAX_HIDDEN }),
});

/** Endpoints of found cameras that are not wanted, in a small file of the data folder. */
export class HiddenCameras {
  readonly #document: StoredDocument<typeof HiddenFile>;
  readonly #turns = new SerialQueue();
  #endpoints: ReadonlySet<string> = new Set();

  constructor({ dataDir, log }: { readonly dataDir: string; readonly log: Logger }) {
    this.#document = new StoredDocument(join(dataDir, HIDDEN_FILE), HiddenFile, log);
    void this.#turns.run(() => this.#load());
  }

  has(endpoint: string): boolean {
    return this.#endpoints.has(endpoint);
  }

  /** @throws PerchError unavailable if the file cannot be written */
  set(endpoints: readonly string[], isHidden: boolean): Promise<void> {
    return this.#turns.run(async () => {
      const after = [...this.#endpoints].filter((endpoint) => !endpoints.includes(endpoint));
      const kept = isHidden ? [...after, ...new Set(endpoints)].slice(-MAX_HIDDEN) : after;
      await this.#document.save(() => ({ endpoints: kept }));
      this.#endpoints = new Set(kept);
    });
  }

  async close(): Promise<void> {
    await this.#turns.run(async () => {});
  }

  async #load(): Promise<void> {
    const stored = await this.#document.open('the list of hidden cameras cannot be read: hide them again');
    this.#endpoints = new Set(stored?.endpoints);
  }
}
