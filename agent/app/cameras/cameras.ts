import type { Static } from 'typebox';
import type { TellBox } from '../../base/box-events.ts';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { Gate } from '../../base/gate.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import { type Logger, redact } from '../../base/log.ts';
import { Adopter, type AdopterDeps } from '../../cameras/adoption/adopter.ts';
import { failureOf } from '../../cameras/adoption/failure-words.ts';
import { type Look, Looks } from '../../cameras/adoption/looks.ts';
import type { Progress } from '../../cameras/adoption/try-patterns.ts';
import { isRange } from '../../cameras/adoption/wish.ts';
import { isReadByAll, OpenFileWarning } from '../../config/file/file.ts';
import type { Config } from '../../config/load/load.ts';
import type { ConfigStore } from '../../config/store/store.ts';
import type {
  AdoptAnswer,
  AdoptBody,
  CheckAnswer,
  CheckWish,
  ProbeBody,
} from '../../http/api/cameras/camera-schemas.ts';
import type { CameraLookup } from '../../http/api/cameras/cameras.ts';
import type { FoundCameras } from '../../onvif/discovery/found-cameras.ts';
import { askedFor, descriptionJson, failedItem, failureJson, foundJson, lookJson, pendingJson } from './api-views.ts';
import { AdoptedCameras, type AdoptedCamerasDeps } from './configured-cameras.ts';
import { isReady } from './path-entries.ts';
import { CameraPauses } from './pauses.ts';
import { portProber, rtspProber, streamProver } from './stream-probe.ts';

/** Cameras that are spoken to at the same time, and those that wait for it. */
const AT_ONCE = 4;
const MAX_WAITING = 128;
/** For one camera: where nothing is known, the streams of all makers are tried, one a second. */
const DEADLINE_MS = 5 * 60_000;
const TELL_EVERY_MS = 1_000;

export interface CameraBoxDeps extends Partial<Pick<AdopterDeps, 'onvifPorts' | 'streamPorts' | 'logins'>> {
  readonly store: Pick<ConfigStore, 'current' | 'file' | 'revise'>;
  /** As it is written, whether it runs already or not; the demo camera included. */
  config(): Config;
  readonly found: FoundCameras;
  readonly paths: AdoptedCamerasDeps['paths'];
  readonly doubtOf: AdoptedCamerasDeps['doubtOf'];
  readonly includeLoopback: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tell: TellBox;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

type AdoptItem = Static<typeof AdoptAnswer>['items'][number];

/** The cameras of the box as the API has them: found, looked at and adopted. */
export class CameraBox implements CameraLookup {
  readonly adopted: AdoptedCameras;
  readonly #deps: CameraBoxDeps;
  readonly #adopter: Adopter;
  readonly #pauses: CameraPauses;
  readonly #looks: Looks;
  readonly #openFile: OpenFileWarning;
  readonly #gate = new Gate(AT_ONCE, MAX_WAITING, 'cameras');
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(deps: CameraBoxDeps) {
    const { clock, store, log, signal } = deps;
    this.#deps = deps;
    this.#adopter = new Adopter({
      ...{ ...deps, paths: store, prover: streamProver(clock) },
      ...{ isOpen: portProber(clock), speaksRtsp: rtspProber(clock) },
    });
    this.#pauses = new CameraPauses(deps);
    this.#openFile = new OpenFileWarning(log);
    this.#looks = new Looks(log, signal, (look) => this.#tellLook(look));
    this.adopted = new AdoptedCameras({ ...deps, adopter: this.#adopter, gate: this.#gate });
  }

  /** The configuration is another one. */
  apply(): void {
    this.adopted.descriptions.apply();
    this.adopted.completion.apply();
  }

  streamOpened(path: string): void {
    this.adopted.descriptions.streamOpened(path);
    void this.adopted.completion.streamOpened(path);
  }

  /** It was set, or begins anew. */
  cameraChanged(path: string, what: 'settings' | 'reboot'): void {
    this.adopted.descriptions.changed(path, what);
  }

  close(): void {
    this.#pauses.close();
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
    if (found.isSearchingRange) {
      throw new PerchError('exhausted', 'a range of addresses is being searched already, one at a time', {
        isBusy: true,
      });
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
    // Asked before: the answer goes out before what was written is applied.
    const isOpen = await isReadByAll(this.#deps.store.file);
    return { items: await Promise.all(items), warning: (isOpen && this.#warning()) || null };
  }

  #warning(): string | undefined {
    const { current, file } = this.#deps.store;
    const hasPasswords = [...current.paths.values()].some(({ settings }) => settings?.camera?.password);
    return hasPasswords && file !== undefined ? this.#openFile.warn(file) : undefined;
  }

  async #adoptOne(wish: Static<typeof AdoptBody>['cameras'][number]): Promise<AdoptItem> {
    const { log, tell } = this.#deps;
    const camera = askedFor(wish);
    try {
      const adopted = await this.#inTurn((signal) => {
        tell('camera', { state: 'adopting', camera });
        return this.#adopter.adopt(wish, signal, this.#progressTeller(camera));
      });
      const { title, paths, description } = adopted;
      const [first] = paths;
      const names = paths.flatMap(({ name, sub }) => (sub === undefined ? [name] : [name, sub]));
      if (description) {
        this.adopted.remember(names, description);
      }
      const written = names.flatMap((name) => this.#deps.store.current.paths.get(name) ?? []);
      const pending = pendingJson(written.filter(isReady));
      log.info({ paths: names }, 'camera adopted');
      for (const { path, words } of pending) {
        log.warn({ path, reason: words }, 'the stream could not be tried yet: it is tried again');
      }
      tell('camera', {
        state: 'adopted',
        camera,
        path: first?.name,
        name: title,
        paths: names,
        pending: pending.map(({ path }) => path),
      });
      return {
        ...{ status: 'ok', camera, ...failureJson(undefined), title, path: first?.name ?? null, paths: names, pending },
        description: description ? descriptionJson(description) : null,
      };
    } catch (error) {
      const failure = failureOf(error, log);
      const item = failedItem(wish, failure);
      const reason = redact(failure.words);
      const { path, trouble, triesLeft } = failure;
      const known = this.#deps.found.list().find(({ endpoint }) => endpoint === wish.endpoint);
      const who = known ? { name: known.name, address: known.address } : { camera };
      log.info({ ...who, reason, trouble }, 'camera not adopted');
      tell('camera', { state: 'notAdopted', camera, path, trouble, error: reason, triesLeft });
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

  /** Of a camera that is looked for at an address, which takes its time. */
  #progressTeller(camera: string | null) {
    const { clock, tell } = this.#deps;
    let toldMs = Number.NEGATIVE_INFINITY;
    return ({ what, done, total }: Progress) => {
      if (clock.monoMs() - toldMs >= TELL_EVERY_MS) {
        toldMs = clock.monoMs();
        tell('camera', { state: 'adopting', camera, what, done, total });
      }
    };
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
