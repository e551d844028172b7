import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import type { Clock } from '../../../../base/clock.ts';
import { PerchError } from '../../../../base/errors.ts';
import { parseJson } from '../../../../base/files/parse-json.ts';
import type { FoundObject, ObjectType, RgbPicture } from '../contract.ts';

const SCRIPT = new URL('./detector-child.ts', import.meta.url);

/** The first message to the process. */
export interface ModelStart {
  /** ONNX file. */
  readonly model: string;
  /** Folder with the files of onnxruntime-web. */
  readonly runtime: string;
  /** Types of the model's classes; null: objects of this class are dropped. */
  readonly types: readonly (ObjectType | null)[];
}

export interface ProcessLimits {
  readonly maxBytes: number;
  readonly startMs: number;
  readonly pictureMs: number;
}

const Fraction = Type.Number({ minimum: 0, maximum: 1 });
const Answer = Type.Union([
  Type.Object({ ready: Type.Object({ layout: Type.String(), width: Type.Integer(), height: Type.Integer() }) }),
  Type.Object({ refused: Type.String() }),
  Type.Object({ failed: Type.String() }),
  Type.Object({
    objects: Type.Array(
      Type.Object({
        type: Type.Enum(['person', 'vehicle', 'animal', 'bicycle'] satisfies ObjectType[]),
        score: Fraction,
        box: Type.Object({ x: Fraction, y: Fraction, width: Fraction, height: Fraction }),
      }),
      { maxItems: 100 },
    ),
  }),
]);
type Answer = Static<typeof Answer>;

const MAX_ANSWER_BYTES = 64 << 10;
const WATCH_MS = 100;
/** Other programs may have the processor: a step ends at the latest after this multiple of its limit. */
const WAITING_FACTOR = 6;

/** V8's compiler takes memory in blocks of 32 kB. Mapped each by itself they are given back: glibc's heap would hold 90 MB of them. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '16384' };

interface Step {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: PerchError) => void;
}

/** One run of the process with the model. It takes one picture at a time. */
export class ModelProcess {
  /** Size of the model's input. @throws PerchError unsupported: the model is refused */
  readonly ready: Promise<{ readonly width: number; readonly height: number }>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #limits: ProcessLimits;
  #step: Step | undefined;
  #end: PerchError | undefined;
  #cpuMs = 0;
  #heard = '';
  #complaints = '';

  constructor(start: ModelStart, clock: Clock, limits: ProcessLimits, script = SCRIPT) {
    this.#clock = clock;
    this.#limits = limits;
    this.#child = this.#spawn(start, fileURLToPath(script));
    this.ready = this.#send(start, new Uint8Array(), limits.startMs, 'its start').then((answer) => {
      if ('ready' in answer) {
        return answer.ready;
      }
      throw this.#fail(
        'refused' in answer
          ? new PerchError('unsupported', `the model ${start.model} is not used: ${answer.refused}`)
          : new PerchError(
              'unavailable',
              'failed' in answer
                ? `the model ${start.model} cannot be opened: ${answer.failed}`
                : 'the object detector answers in another order',
            ),
      );
    });
    this.ready.catch(() => {});
  }

  get isRunning(): boolean {
    return this.#end === undefined;
  }

  get pid(): number | undefined {
    return this.isRunning ? this.#child.pid : undefined;
  }

  /** Processor time that it has taken, or undefined where the system does not say. */
  get cpuMs(): number | undefined {
    const ticks = this.#read('stat', (text) => {
      const [, , , , , , , , , , , user, system] = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return Number(user) + Number(system);
    });
    // Linux counts hundredths of a second here on all architectures.
    this.#cpuMs = ticks === undefined ? this.#cpuMs : 10 * ticks;
    return this.#cpuMs === 0 && process.platform !== 'linux' ? undefined : this.#cpuMs;
  }

  get memoryBytes(): number | undefined {
    return this.#read('status', (text) => 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0));
  }

  /** @throws PerchError timeout, unavailable */
  async objects({ width, height, rgb }: RgbPicture): Promise<readonly FoundObject[]> {
    const answer = await this.#send({ width, height }, rgb, this.#limits.pictureMs, 'a picture');
    if ('objects' in answer) {
      return answer.objects;
    }
    if ('failed' in answer) {
      throw new PerchError('unavailable', `the model does not run: ${answer.failed}`);
    }
    throw this.#fail(new PerchError('unavailable', 'the object detector answers in another order'));
  }

  /** Resolves when it has ended. */
  async stop(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    const isThere = pid !== undefined && exitCode === null && signalCode === null;
    this.#child.ref();
    const exited = new Promise<void>((resolve) => void this.#child.once('exit', () => resolve()));
    this.#fail(new PerchError('unavailable', 'the object detector is stopped'));
    await (isThere ? exited : undefined);
  }

  #spawn(start: ModelStart, script: string): ChildProcess {
    const readable = [dirname(script), start.runtime, start.model].map((path) => `--allow-fs-read=${path}`);
    // Compiled with optimization is only what runs most: a start takes 0.6 s of processor time instead of 2, and 90 MB less.
    const flags = [
      '--wasm-tiering-budget=100000000',
      '--max-old-space-size=96',
      '--v8-pool-size=1',
      '--expose-gc',
      '--disable-warning=ExperimentalWarning',
    ];
    // Without file descriptors for them there are no pipes.
    const child: ChildProcess = spawn(process.execPath, ['--permission', ...readable, ...flags, script], {
      cwd: '/',
      env: ENVIRONMENT,
      stdio: 'pipe',
      detached: true,
    });
    child.on('error', (cause) =>
      this.#fail(new PerchError('unavailable', 'the object detector does not start', {}, cause)),
    );
    child.on('exit', (code, signal) => {
      const how = signal ? `by ${signal}, as for want of memory` : `with exit code ${code}`;
      const words = /^.*Error.*$/m.exec(this.#complaints)?.[0] ?? this.#complaints.trim().slice(-200);
      this.#fail(new PerchError('unavailable', `the object detector ended ${how}${words && `: ${words}`}`));
    });
    // It ends while something is written to it.
    child.stdin?.on('error', () => {});
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2_000);
    });
    if (child.pid !== undefined) {
      yieldToOthers(child.pid);
    }
    child.unref();
    return child;
  }

  /** Sends a message, and waits for its answer. Memory and time are watched meanwhile. */
  async #send(message: object, bytes: Uint8Array, limitMs: number, what: string): Promise<Answer> {
    if (this.#end) {
      throw this.#end;
    }
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#step = { resolve, reject };
    const json = Buffer.from(JSON.stringify(message));
    const head = Buffer.alloc(8);
    head.writeUInt32BE(json.length, 0);
    head.writeUInt32BE(bytes.length, 4);
    const { stdin } = this.#child;
    stdin?.write(Buffer.concat([head, json]));
    stdin?.write(bytes);
    const beganMs = this.#clock.monoMs();
    const waitedMs = this.#waitedMs();
    const unwatch = this.#clock.every(WATCH_MS, () => {
      const wallMs = this.#clock.monoMs() - beganMs;
      this.#watch(wallMs - Math.min(this.#waitedMs() - waitedMs, (1 - 1 / WAITING_FACTOR) * wallMs), limitMs, what);
    });
    try {
      return await promise;
    } finally {
      unwatch();
    }
  }

  #watch(takenMs: number, limitMs: number, what: string): void {
    void this.cpuMs;
    const { maxBytes } = this.#limits;
    const bytes = this.memoryBytes ?? 0;
    if (bytes > maxBytes) {
      const [found, limit] = [bytes, maxBytes].map((size) => Math.round(size / 1e6));
      this.#fail(new PerchError('unavailable', `the object detector took ${found} MB, the limit is ${limit} MB`));
    } else if (takenMs > limitMs) {
      this.#fail(new PerchError('timeout', `the object detector took longer than ${limitMs / 1000} s for ${what}`));
    }
  }

  #hear(text: string): void {
    const lines = (this.#heard + text).split('\n');
    this.#heard = lines.pop() ?? '';
    if (this.#heard.length > MAX_ANSWER_BYTES || lines.some((line) => line.length > MAX_ANSWER_BYTES)) {
      this.#fail(new PerchError('unavailable', 'the object detector answers too much'));
      return;
    }
    for (const line of lines) {
      const answer = parsed(line);
      const step = this.#step;
      this.#step = undefined;
      if (!answer || !step) {
        step?.reject(this.#fail(new PerchError('unavailable', 'the object detector answers in another form')));
        return;
      }
      step.resolve(answer);
    }
  }

  /** Ends the process. @returns the first reason */
  #fail(error: PerchError): PerchError {
    if (!this.#end) {
      this.#end = error;
      this.#child.kill('SIGKILL');
      this.#step?.reject(error);
      this.#step = undefined;
    }
    return this.#end;
  }

  /** Milliseconds in which it was ready to run, but other programs had the processors. */
  #waitedMs(): number {
    return this.#read('schedstat', (text) => Number(text.split(' ')[1]) / 1e6) ?? 0;
  }

  #read<T>(file: string, read: (text: string) => T): T | undefined {
    try {
      return this.pid === undefined ? undefined : read(readFileSync(`/proc/${this.pid}/${file}`, 'latin1'));
    } catch {
      // It has ended, or the system has no /proc.
      return undefined;
    }
  }
}

/** Other programs get the processor first, and when memory is short the system ends this process first. */
function yieldToOthers(pid: number): void {
  for (const work of [
    () => writeFileSync(`/proc/${pid}/oom_score_adj`, '1000'),
    () => setPriority(pid, constants.priority.PRIORITY_LOW),
    // Linux counts the priority of each thread by itself; later ones inherit it.
    () =>
      readdirSync(`/proc/${pid}/task`).map((thread) => setPriority(Number(thread), constants.priority.PRIORITY_LOW)),
  ]) {
    try {
      work();
    } catch {
      // Systems without /proc, and containers that forbid it: it works as well, at the expense of others.
    }
  }
}

function parsed(line: string): Answer | undefined {
  const value = parseJson(line);
  return Check(Answer, value) ? value : undefined;
}
