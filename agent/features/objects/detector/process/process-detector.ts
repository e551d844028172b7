import type { Clock } from '../../../../base/clock.ts';
import { explain, PerchError } from '../../../../base/errors.ts';
import type { Logger } from '../../../../base/log.ts';
import { logOnce } from '../../../../base/log-once.ts';
import type { Detector, Examined, ExamineTask, RgbPicture } from '../contract.ts';
import { ExamineQueue } from '../examine-queue.ts';
import { typeOf } from '../labels.ts';
import { ModelProcess, type ProcessLimits } from './model-process.ts';

interface ProcessDetectorOptions {
  /** ONNX file. */
  readonly model: string;
  /** Names of the model's classes, in its order. */
  readonly labels: readonly string[];
  /** Folder with the files of onnxruntime-web that are used. */
  readonly runtime: string;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
  /** Part of one core that it may use, as a mean of a minute. */
  readonly share?: number;
  readonly limits?: Partial<ProcessLimits>;
  /** The model is not used any more. */
  readonly refused?: ((error: PerchError) => void) | undefined;
}

const IDLE_MS = 60_000;
const DEFAULT_SHARE = 0.25;
const LIMITS: ProcessLimits = { maxBytes: 400e6, startMs: 20_000, pictureMs: 5_000 };

/** @param failures of pictures in a row: the first one costs no pause @returns time until the process may start again */
export const pauseAfter = (failures: number): number =>
  failures < 2 ? 0 : Math.min(300_000, 1_000 * 2 ** (failures - 2));

/**
 * Examines the pictures of all cameras with a model in a process of its own, which starts with the first picture and ends after a minute
 * without one.
 */
export class ProcessDetector implements Detector {
  readonly #options: ProcessDetectorOptions;
  readonly #queue: ExamineQueue;
  readonly #limits: ProcessLimits;
  readonly #warn: (error: unknown) => void;
  #process: ModelProcess | undefined;
  #meter: CpuMeter | undefined;
  #inputSize = 416;
  /** Why the model is not used. */
  #refusal: PerchError | undefined;
  #failures = 0;
  #lastFailure: unknown;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #idle = new AbortController();

  constructor(options: ProcessDetectorOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    const { clock, share = DEFAULT_SHARE, log } = options;
    const examine = (picture: RgbPicture, path: string): Promise<Examined> => this.#examine(picture, path);
    this.#queue = new ExamineQueue({ clock, maxWaiting: 32, maxWaitMs: 10_000, budgetMs: 60_000 * share, examine });
    this.#warn = logOnce((reason) => log.warn({ reason }, 'the object detector failed'));
  }

  get inputSize(): number {
    return this.#inputSize;
  }

  get memoryBytes(): number | undefined {
    return this.#process?.memoryBytes;
  }

  /** Of the process, while one runs. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  examine(task: ExamineTask): Promise<Examined> {
    return this.#refusal ? Promise.reject(this.#refusal) : this.#queue.examine(task);
  }

  async close(): Promise<void> {
    this.#queue.close();
    this.#idle.abort();
    await this.#process?.stop();
  }

  async #examine(picture: RgbPicture, path: string): Promise<Examined> {
    if (this.#refusal) {
      throw this.#refusal;
    }
    this.#checkPause();
    this.#idle.abort();
    if (!this.#process?.isRunning || !this.#meter) {
      this.#process = this.#start();
      this.#meter = new CpuMeter(this.#process, this.#options.clock);
    }
    const [running, meter] = [this.#process, this.#meter];
    meter.begin();
    let otherMs = 0;
    try {
      const { width, height } = await running.ready;
      this.#inputSize = Math.max(width, height);
      // Its start, or what it did after the last answer.
      otherMs = meter.next();
      const objects = await running.objects(picture);
      const ms = meter.next();
      this.#queue.charge(path, otherMs + ms);
      this.#failures = 0;
      return { objects, ms };
    } catch (error) {
      this.#queue.charge(path, otherMs + meter.next());
      this.#failed(error, running);
      throw error;
    } finally {
      this.#endWhenIdle();
    }
  }

  #start(): ModelProcess {
    const { model, runtime, labels, clock } = this.#options;
    const types = labels.map((label) => typeOf(label) ?? null);
    try {
      return new ModelProcess({ model, runtime, types }, clock, this.#limits);
    } catch (cause) {
      const error = new PerchError('unavailable', 'the object detector does not start', {}, cause);
      this.#failed(error, undefined);
      throw error;
    }
  }

  #failed(error: unknown, running: ModelProcess | undefined): void {
    this.#warn(error);
    if (error instanceof PerchError && error.code === 'unsupported') {
      this.#refusal = error;
      this.#options.refused?.(error);
    } else if (!running?.isRunning) {
      this.#failures += 1;
      this.#pausedUntilMs = this.#options.clock.monoMs() + pauseAfter(this.#failures);
    }
    this.#lastFailure = error;
  }

  #checkPause(): void {
    const leftMs = this.#pausedUntilMs - this.#options.clock.monoMs();
    if (leftMs > 0) {
      const when = `starts again in ${Math.ceil(leftMs / 1000)} s`;
      const reason = `the object detector failed ${this.#failures} times in a row and ${when}`;
      throw new PerchError('unavailable', `${reason}: ${explain(this.#lastFailure)}`);
    }
  }

  #endWhenIdle(): void {
    const idle = new AbortController();
    this.#idle = idle;
    void this.#options.clock.sleep(IDLE_MS, idle.signal).then(() => {
      if (!idle.signal.aborted) {
        void this.#process?.stop();
        this.#process = undefined;
      }
    });
  }
}

/** Processor time of a process between two readings; time of the clock where the system does not count the other. */
class CpuMeter {
  readonly #process: ModelProcess;
  readonly #clock: Clock;
  #cpuMs: number | undefined;
  #monoMs: number;

  constructor(process: ModelProcess, clock: Clock) {
    this.#process = process;
    this.#clock = clock;
    this.#cpuMs = process.cpuMs;
    this.#monoMs = clock.monoMs();
  }

  /** Where the clock is read, the time before is not that of the process. */
  begin(): void {
    this.#monoMs = this.#clock.monoMs();
  }

  next(): number {
    const [beforeCpuMs, beforeMonoMs] = [this.#cpuMs, this.#monoMs];
    this.#cpuMs = this.#process.cpuMs;
    this.#monoMs = this.#clock.monoMs();
    return beforeCpuMs === undefined || this.#cpuMs === undefined
      ? this.#monoMs - beforeMonoMs
      : this.#cpuMs - beforeCpuMs;
  }
}
