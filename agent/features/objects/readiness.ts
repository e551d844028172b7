import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Detector, RgbPicture } from './detector/contract.ts';
import type { KnownObjects } from './known-objects.ts';
import type { ObjectsStatus } from './routes.ts';

const SLOWEST_MS = 2_000;

/** A model that can be opened, or a server that is asked. */
export interface FoundModel {
  /** For people. */
  readonly name: string;
  /** Another model has another one. */
  readonly key: string;
  /** Its pictures take as long as a server and the network take. */
  readonly isServer?: boolean;
  /** @param refused called when it turns out later that the model cannot be used */
  open(refused?: (error: PerchError) => void): Detector;
}

/** Where models come from. */
export interface ModelSource {
  /** The model of these settings, or undefined if it has to be fetched. @throws PerchError */
  find(settings: ModelSettings): Promise<FoundModel | undefined>;
  /** @param progress called with a share from 0 to 1 @throws PerchError unavailable if there is none, or offline */
  fetch(settings: ModelSettings, progress: (share: number) => void, signal: AbortSignal): Promise<FoundModel>;
}

interface ModelSettings {
  /** Empty: the packaged one. */
  readonly objectsModel: string;
  readonly objectsLabels: string;
  /** Empty: this box looks at the pictures. */
  readonly objectsURL: string;
}

interface ReadinessOptions {
  readonly clock: Pick<Clock, 'wallMs' | 'sleep'>;
  readonly log: Logger;
  readonly models: ModelSource;
  readonly known: Pick<KnownObjects, 'testOf' | 'keepTest'>;
  /** Memory of the box for all programs. */
  readonly memoryBytes: number;
  /** Called after each change of `state`. */
  changed(): void;
}

type Step = Omit<ObjectsStatus, 'cameras' | 'progress'>;
const OFF: Step = { state: 'off', reason: null, model: '', pictureMs: null, memoryMb: null };

/** Finds a model, fetches it if need be, and tests whether this box is fast enough for it. */
export class Readiness {
  readonly #options: ReadinessOptions;
  #step: Step = OFF;
  #progress: number | null = null;
  #sinceMs = 0;
  /** JSON of the settings in use; undefined: off. */
  #settings: string | undefined;
  #stop = new AbortController();
  #detector: Detector | undefined;
  /** Resolves when what was begun has ended. */
  #ended: Promise<unknown> = Promise.resolve();
  /** Failures in a row. */
  #failures = 0;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  get status(): Omit<ObjectsStatus, 'cameras'> {
    return { ...this.#step, progress: this.#progress };
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Undefined until the state is `ready`. */
  get detector(): Detector | undefined {
    return this.#step.state === 'ready' ? this.#detector : undefined;
  }

  /** @param settings undefined: no path has objects */
  want(settings: ModelSettings | undefined): void {
    const text = settings && JSON.stringify(settings);
    if (text !== this.#settings) {
      this.#settings = text;
      this.#failures = 0;
      this.#begin(settings, false);
    }
  }

  /** Begins again, unless it is at work or ready. */
  retry(): void {
    if (this.#settings !== undefined && !['ready', 'fetching', 'testing'].includes(this.#step.state)) {
      this.#begin(JSON.parse(this.#settings), true);
    }
  }

  async close(): Promise<void> {
    this.#settings = undefined;
    this.#begin(undefined, false);
    await this.#ended;
  }

  #begin(settings: ModelSettings | undefined, isRetry: boolean): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const former = this.#detector;
    this.#detector = undefined;
    this.#progress = null;
    this.#set(settings ? { ...OFF, state: 'testing' } : OFF);
    const before = this.#ended;
    this.#ended = (async () => {
      // The self-test of the former one ends with it.
      await former?.close();
      await before;
      if (settings && !signal.aborted) {
        await this.#prepare(settings, isRetry, signal).catch((error: unknown) => this.#fail(settings, error, signal));
      }
    })();
  }

  async #prepare(settings: ModelSettings, isRetry: boolean, signal: AbortSignal): Promise<void> {
    const { models, known, memoryBytes } = this.#options;
    // A box that is sold with 1 GB has less for its programs.
    if (settings.objectsURL === '' && memoryBytes < 900e6) {
      const reason = `this box has ${Math.round(memoryBytes / 1e6)} MB of memory: a model needs a box with 1 GB`;
      this.#set({ ...OFF, state: 'tooLittleMemory', reason });
      return;
    }
    const model = (await models.find(settings)) ?? (await this.#fetch(settings, signal));
    if (!model || signal.aborted) {
      return;
    }
    const { name, key, isServer } = model;
    this.#set({ ...OFF, state: 'testing', model: name });
    const kept = isRetry || isServer ? undefined : known.testOf(key);
    const detector = model.open((error) => {
      if (this.#step.state === 'ready') {
        this.#fail(settings, error, signal);
      }
    });
    this.#detector = detector;
    const test = kept ?? (await timeOnePicture(detector));
    if (signal.aborted) {
      return;
    }
    if (!kept && !isServer) {
      known.keepTest({ key, ...test });
    }
    const done = { model: name, ...test };
    if (!isServer && test.pictureMs > SLOWEST_MS) {
      const reason = `a picture takes ${(test.pictureMs / 1000).toFixed(1)} s on this box: the limit is 2 s`;
      this.#set({ ...done, state: 'tooSlow', reason });
      this.#detector = undefined;
      await detector.close();
      return;
    }
    this.#failures = 0;
    this.#set({ ...done, state: 'ready', reason: null });
    this.#options.log.info({ model: name, pictureMs: test.pictureMs }, 'ready to look for objects');
  }

  /** @returns undefined if there is none: `state` says why */
  async #fetch(settings: ModelSettings, signal: AbortSignal): Promise<FoundModel | undefined> {
    this.#progress = 0;
    this.#set({ ...OFF, state: 'fetching' });
    const progress = (share: number): void => {
      this.#progress = signal.aborted ? this.#progress : Math.min(Math.max(share, 0), 1);
    };
    try {
      return await this.#options.models.fetch(settings, progress, signal);
    } catch (error) {
      if (!(error instanceof PerchError) || error.code !== 'unavailable') {
        throw error;
      }
      if (!signal.aborted) {
        this.#set({ ...OFF, state: 'missing', reason: error.message });
        void this.#foundLater(settings, signal);
      }
      return undefined;
    } finally {
      if (!signal.aborted) {
        this.#progress = null;
      }
    }
  }

  #fail(settings: ModelSettings, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) {
      return;
    }
    if (error instanceof PerchError) {
      this.#options.log.warn({ reason: explain(error) }, 'no objects are looked for');
    } else {
      this.#options.log.error({ err: error }, 'no objects are looked for');
    }
    const detector = this.#detector;
    this.#detector = undefined;
    void detector?.close();
    this.#set({ ...this.#step, state: 'failed', reason: explain(error) });
    const mayPass = error instanceof PerchError && (error.code === 'timeout' || error.code === 'unavailable');
    if (settings.objectsURL !== '') {
      void this.#againIn(60_000, signal);
    } else if (mayPass) {
      this.#failures += 1;
      void this.#againIn(Math.min(60, 2 ** (this.#failures - 1)) * 60_000, signal);
    }
  }

  /** A server may start after this box, and a box may have more time or memory later. */
  async #againIn(ms: number, signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(ms, signal);
    if (!signal.aborted) {
      this.retry();
    }
  }

  /** The owner may install the model, or take it out of an archive. */
  async #foundLater(settings: ModelSettings, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(30_000, signal);
      // A file that cannot be read is reported by the next try.
      const isThere = await this.#options.models.find(settings).then(Boolean, () => true);
      if (isThere && !signal.aborted) {
        this.retry();
      }
    }
  }

  #set(step: Step): void {
    const isChange = step.state !== this.#step.state;
    this.#step = step;
    if (isChange) {
      this.#sinceMs = this.#options.clock.wallMs();
      this.#options.changed();
    }
  }
}

/** The second picture counts: the first one also starts the model. @throws PerchError */
async function timeOnePicture(detector: Detector) {
  const task = {
    path: '',
    eventUs: 0,
    isTest: true,
    picture: async () => testPicture(detector.inputSize),
  };
  await detector.examine(task);
  const { ms } = await detector.examine(task);
  const { memoryBytes } = detector;
  return { pictureMs: Math.round(ms), memoryMb: memoryBytes === undefined ? null : Math.round(memoryBytes / 1e6) };
}

/** Grey stripes of the size of a camera's picture. */
function testPicture(side: number): RgbPicture {
  const [width, height] = [side, Math.round((side * 9) / 16)];
  return { width, height, rgb: Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7) & 0xff) };
}
