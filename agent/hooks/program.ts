import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../base/clock.ts';
import { groupLives, signalGroup } from './process-group.ts';

/** Pauses between the signals that end a program. */
export interface EndTimes {
  /** Time from SIGINT to SIGTERM, in which ffmpeg can finish its file. */
  readonly interruptMs: number;
  /** Time from SIGTERM to SIGKILL. */
  readonly terminateMs: number;
}

const END_TIMES: EndTimes = { interruptMs: 3_000, terminateMs: 2_000 };
/** Longest wait after SIGKILL, when only a process that hangs in the kernel remains. */
const LAST_WAIT_MS = 1_000;
/**
 * Pause after the first process has ended, whose children may not have received the signal. A shell starts those after `&`
 * with SIGINT ignored.
 */
const ORPHANS_GRACE_MS = 500;
const FIRST_LOOK_MS = 10;
/** Interval of checks after the first process has ended: the group's id may be reused after the last one. */
const ORPHANS_LOOK_MS = 1_000;

/** How a program ended. */
export type ProgramEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  /** The program was not started. */
  | { readonly kind: 'failure'; readonly reason: string };

interface ProgramOptions {
  readonly words: readonly [program: string, ...rest: string[]];
  readonly env: NodeJS.ProcessEnv;
  readonly endTimes?: EndTimes;
  /** Called with standard output and standard error. */
  onOutput(chunk: Buffer): void;
  /** Called after the end of the first process, or never. */
  onOutputEnd(): void;
}

/** A program and its children, in their own session and process group. */
export class Program {
  /** Settles when the first process has ended. */
  readonly ended: Promise<ProgramEnd>;
  /** Settles when all processes of the group have ended. */
  readonly gone: Promise<void>;
  readonly #clock: Clock;
  readonly #endTimes: EndTimes;
  readonly #child: ChildProcess | undefined;
  #hasEnded = false;
  #isGone = false;
  #stopping: Promise<void> | undefined;
  #tellGone: () => void = () => {};

  constructor(options: ProgramOptions, clock: Clock) {
    this.#clock = clock;
    this.#endTimes = options.endTimes ?? END_TIMES;
    this.gone = new Promise((resolve) => {
      this.#tellGone = resolve;
    });
    const { promise, resolve } = Promise.withResolvers<ProgramEnd>();
    this.ended = promise;
    const finish = (end: ProgramEnd): void => {
      if (!this.#hasEnded) {
        this.#hasEnded = true;
        this.#lookForOrphans();
        resolve(end);
      }
    };
    this.#child = start(options, finish);
  }

  /** Id of the process group, or undefined if the program was not started, or all its processes have ended. */
  get group(): number | undefined {
    return this.#isGone ? undefined : this.#child?.pid;
  }

  /** Sends SIGINT, SIGTERM and SIGKILL to the group. Resolves when all its processes have ended. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  /** Sends SIGKILL when Perch exits. */
  kill(): void {
    const { group } = this;
    if (group !== undefined) {
      signalGroup(group, 'SIGKILL');
    }
  }

  async #end(): Promise<void> {
    const steps = [
      ['SIGINT', this.#endTimes.interruptMs],
      ['SIGTERM', this.#endTimes.terminateMs],
      ['SIGKILL', LAST_WAIT_MS],
    ] as const;
    for (const [signal, waitMs] of steps) {
      const { group } = this;
      if (group === undefined || this.#noteGone(group)) {
        break;
      }
      signalGroup(group, signal);
      await this.#waitForEnd(group, waitMs);
    }
    this.#setGone();
  }

  async #waitForEnd(group: number, waitMs: number): Promise<void> {
    const never = new AbortController().signal;
    const deadlineMs = this.#clock.monoMs() + waitMs;
    const orphansMs = Math.min(waitMs, ORPHANS_GRACE_MS);
    let endedMs = Number.POSITIVE_INFINITY;
    let lookMs = FIRST_LOOK_MS;
    while (!this.#noteGone(group) && this.#clock.monoMs() < Math.min(deadlineMs, endedMs + orphansMs)) {
      await this.#clock.sleep(lookMs, never);
      lookMs = Math.min(2 * lookMs, 100);
      endedMs = this.#hasEnded ? Math.min(endedMs, this.#clock.monoMs()) : endedMs;
    }
  }

  /** Ends the children after the first process has ended. */
  #lookForOrphans(): void {
    const group = this.#child?.pid;
    if (group === undefined || this.#noteGone(group)) {
      this.#setGone();
      return;
    }
    const stopLooking = this.#clock.every(ORPHANS_LOOK_MS, () => this.#noteGone(group));
    void this.gone.then(stopLooking);
  }

  #noteGone(group: number): boolean {
    if (!this.#isGone && this.#hasEnded && !groupLives(group)) {
      this.#setGone();
    }
    return this.#isGone;
  }

  #setGone(): void {
    this.#isGone = true;
    this.#tellGone();
  }
}

function start(
  { words: [program, ...rest], env, onOutput, onOutputEnd }: ProgramOptions,
  finish: (end: ProgramEnd) => void,
): ChildProcess | undefined {
  let child: ChildProcess;
  try {
    // Detached: its own session, so that Ctrl-C reaches only Perch, and signals reach all its children.
    child = spawn(program, rest, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (cause) {
    // A limit of the system on processes, files or memory was reached.
    finish({ kind: 'failure', reason: (cause as Error).message });
    return undefined;
  }
  child.stdout?.on('data', onOutput);
  child.stderr?.on('data', onOutput);
  child.on('close', onOutputEnd);
  child.on('error', (cause) => finish({ kind: 'failure', reason: reasonOf(cause, program) }));
  child.on('exit', (code, signal) =>
    finish(signal === null ? { kind: 'exit', code: code ?? 0 } : { kind: 'signal', signal }),
  );
  return child;
}

function reasonOf(cause: Error, program: string): string {
  const { code } = cause as NodeJS.ErrnoException;
  return code === 'ENOENT' ? `there is no program '${program}'` : cause.message;
}
