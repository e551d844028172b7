import type { Clock } from '../base/clock.ts';
import { explain } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { expandWords, parseCommandLine } from '../config/values/command-line.ts';
import { HookTallies } from './hook-tally.ts';
import { pathsNamedIn } from './named-paths.ts';
import { type EndTimes, Program, type ProgramEnd } from './program.ts';
import { ProgramOutput } from './program-output.ts';

/** MediaMTX's. */
const RESTART_PAUSE_MS = 5_000;
/** Per key, of commands that clients cause: connections must not fill the machine with programs. */
const MAX_CAUSED = 200;
/** How long commands that run once may finish their work when Perch ends. */
const LAST_WORK_MS = 10_000;
/** Variables that commands do not get. */
const KEPT_BACK = new Set(['MTX_CONFKEY', 'RTSP_CONFKEY']);
/** In the environment of programs that end with Perch: one that still runs when Perch starts is a leftover. */
export const MARK = 'PERCH_HOOK';

export interface Command {
  /** The key, such as `runOnRead`. */
  readonly hook: string;
  readonly text: string;
  readonly variables: Readonly<Record<string, string>>;
  /** For the log. */
  readonly path?: string;
  /** A client has caused it: their number is limited. */
  readonly isCaused?: boolean;
}

interface ProgramsOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Distinguishes this Perch's programs from another's. */
  readonly mark: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly endTimes?: EndTimes;
  /** 5 s when not given. */
  readonly restartPauseMs?: number;
}

export interface Running {
  /** Resolves when none of its processes runs. */
  stop(): Promise<void>;
  /** Process groups at this moment. */
  readonly group: number | undefined;
}

/** Starts the commands of the configuration, logs their output, and leaves none behind. */
export class Programs {
  readonly tallies = new HookTallies();
  readonly #options: ProgramsOptions;
  /** With the paths that their commands name. */
  readonly #running = new Map<Program, ReadonlySet<string>>();
  readonly #onExit = (): void => this.#killAll();
  /** Of those that run once. */
  readonly #work = new Set<Promise<void>>();
  /** How many run for clients, by key. */
  readonly #caused = new Map<string, number>();
  /** Keys of which too many run, and the log knows it. */
  readonly #full = new Set<string>();
  #isClosed = false;

  constructor(options: ProgramsOptions) {
    this.#options = options;
    // However Perch ends: no command outlives it.
    process.on('exit', this.#onExit);
  }

  /** Runs the command until `stop`. One that ends by itself is started again after 5 s if `isRestarted`. */
  keep(command: Command, isRestarted: boolean): Running {
    const stop = new AbortController();
    let program: Program | undefined;
    const over = this.#keep(command, isRestarted, stop.signal, (now) => {
      program = now;
    });
    return {
      stop: () => {
        stop.abort();
        return over;
      },
      get group() {
        return program?.group;
      },
    };
  }

  /** Runs the command once, to its end. */
  once(command: Command): void {
    const log = this.#logOf(command);
    const program = this.#start(command, log, false);
    if (program) {
      const work = program.ended.then((end) => {
        tellEnd(log, end);
        this.#count(command, end);
        this.#work.delete(work);
      });
      this.#work.add(work);
    }
  }

  /** Process groups of the commands that contain the RTSP address of this path. */
  groupsNaming(path: string): readonly number[] {
    return [...this.#running].flatMap(([{ group }, named]) => (group !== undefined && named.has(path) ? [group] : []));
  }

  /** Lets commands that run once finish, for ten seconds at most; ends the others. Starts none from now on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const over = new AbortController();
    await Promise.race([Promise.all(this.#work), this.#options.clock.sleep(LAST_WORK_MS, over.signal)]);
    over.abort();
    await Promise.all([...this.#running.keys()].map((program) => program.stop()));
    process.off('exit', this.#onExit);
  }

  async #keep(
    command: Command,
    isRestarted: boolean,
    signal: AbortSignal,
    use: (program: Program | undefined) => void,
  ): Promise<void> {
    const { clock, restartPauseMs = RESTART_PAUSE_MS } = this.#options;
    const log = this.#logOf(command);
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    let lastEnd = '';
    while (!signal.aborted) {
      const program = this.#start(command, log, true);
      use(program);
      const end = program && (await Promise.race([program.ended, aborted]));
      if (end) {
        // Logged once until it changes.
        lastEnd = tellEnd(log, end, lastEnd);
        this.#count(command, end);
      }
      if (program && !isRestarted) {
        await Promise.race([program.gone, aborted]);
      }
      await program?.stop();
      if (!isRestarted) {
        return;
      }
      await clock.sleep(restartPauseMs, signal);
    }
  }

  #start(command: Command, log: Logger, isLasting: boolean): Program | undefined {
    if ((this.#isClosed && isLasting) || !this.#hasRoom(command, log)) {
      return undefined;
    }
    const { clock, endTimes } = this.#options;
    const env = this.#environment(command.variables, isLasting);
    const words = this.#wordsOf(command, env, log);
    if (!words) {
      return undefined;
    }
    const output = new ProgramOutput(
      {
        line: (text) => log.info({ says: text }, 'command'),
        leftOut: (lines) => log.warn({ lines }, 'command says more than the log takes'),
      },
      clock,
    );
    const onOutput = (chunk: Buffer): void => output.push(chunk);
    const onOutputEnd = (): void => output.end();
    const program = new Program({ words, env, onOutput, onOutputEnd, ...(endTimes ? { endTimes } : {}) }, clock);
    log.debug({ pid: program.group }, 'command started');
    this.#watch(program, command, pathsNamedIn(words, command.variables['RTSP_PORT'] ?? ''));
    return program;
  }

  /** The configuration has checked its commands when it was read; what it missed fails one command. */
  #wordsOf(command: Command, env: NodeJS.ProcessEnv, log: Logger): ReturnType<typeof expandWords> | undefined {
    try {
      return expandWords(parseCommandLine(command.text), (name) => (Object.hasOwn(env, name) ? env[name] : undefined));
    } catch (cause) {
      const failure = { kind: 'failure', reason: explain(cause) } as const;
      tellEnd(log, failure);
      this.#count(command, failure);
      return undefined;
    }
  }

  #hasRoom({ hook, isCaused }: Command, log: Logger): boolean {
    if (!isCaused || (this.#caused.get(hook) ?? 0) < MAX_CAUSED) {
      return true;
    }
    if (!this.#full.has(hook)) {
      log.warn({ limit: MAX_CAUSED }, 'too many commands run for clients, further ones are not started');
    }
    this.#full.add(hook);
    this.tallies.of(hook).leftOut += 1;
    return false;
  }

  #watch(program: Program, { hook, isCaused }: Command, named: ReadonlySet<string>): void {
    const tally = this.tallies.of(hook);
    tally.started += 1;
    tally.running += 1;
    this.#running.set(program, named);
    this.#addCaused(hook, isCaused ? 1 : 0);
    void program.gone.then(() => {
      tally.running -= 1;
      this.#running.delete(program);
      this.#addCaused(hook, isCaused ? -1 : 0);
    });
  }

  #addCaused(hook: string, change: number): void {
    const caused = (this.#caused.get(hook) ?? 0) + change;
    this.#caused.set(hook, caused);
    if (caused <= MAX_CAUSED / 2) {
      this.#full.delete(hook);
    }
  }

  /** A command has ended by itself. */
  #count({ hook }: Command, end: ProgramEnd): void {
    const isWell = end.kind === 'exit' && end.code === 0;
    this.tallies.of(hook).failed += isWell ? 0 : 1;
  }

  #environment(variables: Readonly<Record<string, string>>, isLasting: boolean): NodeJS.ProcessEnv {
    const own = Object.entries(this.#options.env).filter(([name]) => !KEPT_BACK.has(name) && name !== MARK);
    return { ...Object.fromEntries(own), ...variables, ...(isLasting ? { [MARK]: this.#options.mark } : {}) };
  }

  #logOf({ hook, path }: Command): Logger {
    return this.#options.log.child({ ...(path === undefined ? {} : { path }), hook });
  }

  #killAll(): void {
    for (const program of this.#running.keys()) {
      program.kill();
    }
  }
}

/** @returns how it ended, in words */
function tellEnd(log: Logger, end: ProgramEnd, before?: string): string {
  const words = JSON.stringify(end);
  if (words === before) {
    log.debug(end, 'command has ended again');
  } else if (end.kind === 'failure') {
    log.error({ reason: end.reason }, 'command cannot be started');
  } else if (end.kind === 'exit') {
    log[end.code === 0 ? 'info' : 'warn']({ code: end.code }, 'command has ended');
  } else {
    log.warn({ signal: end.signal }, 'command was ended by a signal');
  }
  return words;
}
