import { Worker } from 'node:worker_threads';
import { explain, PerchError } from '../base/errors.ts';
import type {
  FromWorker,
  Made,
  MadePicture,
  PictureTask,
  Pixels,
  RgbPicture,
  RgbTask,
  WorkerTask,
} from './contracts.ts';

const WORKER_MODULE = new URL('./picture-worker.ts', import.meta.url);
/** Limits of the worker's heap; planes and the decoder's memory of at most 256 MB are not part of it. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 };
/** Pictures that wait while another one is being made. */
const MAX_WAITING = 15;
/** The worker ends, and its memory is freed, when it has had no task for this long. */
const IDLE_MS = 30_000;

interface PictureLimits {
  readonly maxTaskMs: number;
  readonly idleMs: number;
}

interface QueuedTask {
  readonly task: WorkerTask;
  readonly resolve: (made: Made) => void;
  readonly reject: (error: PerchError) => void;
}

/** Makes JPEGs and RGB of coded pictures, and JPEGs of RGB, one at a time, in a worker thread. After a failure the next picture gets a new thread. */
export class Pictures {
  readonly #waiting: QueuedTask[] = [];
  readonly #limits: PictureLimits;
  #worker: Worker | undefined;
  #current: QueuedTask | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(limits: PictureLimits = { maxTaskMs: 20_000, idleMs: IDLE_MS }) {
    this.#limits = limits;
  }

  /** @throws PerchError: 'unsupported' if it cannot be decoded, 'exhausted' if too many wait, 'timeout' */
  make(task: PictureTask): Promise<MadePicture> {
    return this.#queue(task) as Promise<MadePicture>;
  }

  /** As `make`. */
  rgb(task: RgbTask): Promise<RgbPicture> {
    return this.#queue(task) as Promise<RgbPicture>;
  }

  /** A JPEG of pixels, whose memory is given away. @throws PerchError as `make` */
  async encode({ width, height, rgb }: Pixels): Promise<Uint8Array> {
    const { jpeg } = (await this.#queue({ pixels: { width, height, rgb } })) as Pick<MadePicture, 'jpeg'>;
    return jpeg;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const worker = this.#worker;
    this.#endWorker(new PerchError('unavailable', 'Perch ends'));
    await worker?.terminate();
  }

  #queue(task: WorkerTask): Promise<Made> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new PerchError('exhausted', `${MAX_WAITING} pictures wait to be decoded: try again later`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#current) {
      return;
    }
    clearTimeout(this.#timer);
    this.#current = this.#waiting.shift();
    if (!this.#current) {
      this.#timer = setTimeout(() => this.#endWorker(undefined), this.#limits.idleMs).unref();
      return;
    }
    if (this.#isClosed) {
      this.#endWorker(new PerchError('unavailable', 'Perch ends'));
      return;
    }
    this.#worker ??= this.#start();
    const { maxTaskMs } = this.#limits;
    this.#timer = setTimeout(() => {
      this.#endWorker(new PerchError('timeout', `the picture was not decoded within ${maxTaskMs / 1000} s`));
    }, maxTaskMs);
    const { task } = this.#current;
    const given = 'pixels' in task ? [task.pixels.rgb] : task.coded.samples.map(({ data }) => data);
    this.#worker.postMessage(task, [...new Set(given.map(({ buffer }) => buffer as ArrayBuffer))]);
  }

  #start(): Worker {
    const worker = new Worker(WORKER_MODULE, { name: 'pictures', resourceLimits: LIMITS });
    worker.unref();
    worker.on('message', (answer: FromWorker) => {
      const current = this.#current;
      if (worker !== this.#worker || !current) {
        return;
      }
      this.#current = undefined;
      if ('reason' in answer) {
        current.reject(new PerchError('unsupported', answer.reason));
      } else {
        current.resolve(answer);
      }
      this.#next();
    });
    const failed = (reason: string): void => {
      if (worker === this.#worker) {
        this.#endWorker(new PerchError('unsupported', `the picture cannot be decoded: ${reason}`));
      }
    };
    worker.on('error', (error) => failed(explain(error)));
    worker.on('exit', (code) => failed(`the decoder ended with ${code}`));
    return worker;
  }

  /** @param error rejects the picture that is being made; the others get a new worker */
  #endWorker(error: PerchError | undefined): void {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
    const current = this.#current;
    this.#current = undefined;
    if (current && error) {
      current.reject(error);
      this.#next();
    }
  }
}
