import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../base/clock.ts';
import { groupLives, signalGroup } from './process-group.ts';

/** Pauses between the signals that end a program. */
export interface EndTimes {
  /** From SIGINT to SIGTERM. ffmpeg finishes its file meanwhile. */
  readonly interruptMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly terminateMs: number;
}

const END_TIMES: EndTimes = { interruptMs: 3_000, terminateMs: 2_000 };
/** After SIGKILL only a program that hangs in the kernel remains. */
const LAST_WAIT_MS = 1_000;
/** The first program has ended as it was asked to; its children are seldom told so: a shell has those behind `&` ignore SIGINT. */
const ORPHANS_GRACE_MS = 500;
const FIRST_LOOK_MS = 10;
const MAX_LOOK_MS = 100;
/** Interval of checks for a group whose first program has ended: its id may be reused once the last one has ended. */
const ORPHANS_LOOK_MS = 1_000;

/** How a program ended. */
export type ProgramEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  /** It could not be started. */
  | { readonly kind: 'failure'; readonly reason: string };

interface ProgramOptions {
  readonly words: readonly [program: string, ...rest: string[]];
  readonly env: NodeJS.ProcessEnv;
  readonly endTimes?: EndTimes;
  /** What it writes to its standard output and error. */
  onOutput(chunk: Buffer): void;
  /** The output is closed: comes after the end of the first program, or never. */
  onOutputEnd(): void;
}

/** A program and its children, in a session and process group of their own. */
export class Program {
  /** The first program has ended. */
  readonly ended: Promise<ProgramEnd>;
  /** No process of the group runs. */
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

  /** Undefined when it could not be started. */
  get group(): number | undefined {
    return this.#isGone ? undefined : this.#child?.pid;
  }

  /** Ends the whole group: SIGINT, then SIGTERM, then SIGKILL. Resolves when none of its processes runs. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  /** At once, when Perch ends. */
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
      lookMs = Math.min(2 * lookMs, MAX_LOOK_MS);
      endedMs = this.#hasEnded ? Math.min(endedMs, this.#clock.monoMs()) : endedMs;
    }
  }

  /** The first program has ended: its children are ended, too. */
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
    // Detached: a session of its own, so that Ctrl-C at the terminal is Perch's alone and signals reach all that it starts.
    child = spawn(program, rest, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (cause) {
    // More processes, files or memory than the system allows.
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
