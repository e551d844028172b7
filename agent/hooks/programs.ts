import type { Clock } from '../base/clock.ts';
import { explain } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { expandWords, parseCommandLine } from '../config/values/command-line.ts';
import { HookTallies } from './hook-tally.ts';
import { type EndTimes, Program, type ProgramEnd } from './program.ts';
import { ProgramOutput } from './program-output.ts';

/** The URL of a local RTSP server with a path; userinfo is ignored. */
const ADDRESS = /\brtsp:\/\/(?:[^\s/@'"]*@)?(?:localhost|127\.0\.0\.1|\[::1\]):(\d{1,5})\/([\w\-/.~]+)/gi;

/**
 * Paths whose URLs are in a command: its author intends the command to read or publish them. No other path counts: a
 * tunnel opened by a command would admit all its users. @param words after expansion of variables @param port of the
 * RTSP server
 */
export function pathsNamedIn(words: readonly string[], port: string): ReadonlySet<string> {
  const named = words.flatMap((word) => [...word.matchAll(ADDRESS)]);
  return new Set(named.flatMap(([, at, path = '']) => (at === port ? [path.replace(/\/+$/, '')] : [])));
}

/** Pause before a restart, as in MediaMTX. */
const RESTART_PAUSE_MS = 5_000;
/** Maximum number of running commands of one hook that clients have caused. */
const MAX_CAUSED = 200;
/** How long one-shot commands may continue when Perch ends. */
const LAST_WORK_MS = 10_000;
/** Environment variables that are not passed to commands: the file's key, and what start scripts and systemd say to Perch itself. */
const KEPT_BACK = new Set([
  ...['MTX_CONFKEY', 'RTSP_CONFKEY', 'PERCH_CONFKEY'],
  ...['PERCH_TEMPORARY_DATA', 'PERCH_RESTART_CODE', 'PERCH_STDOUT'],
  ...['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC'],
]);
/** Environment variable of programs that end with Perch: those found at the start of Perch are leftovers. */
export const MARK = 'PERCH_HOOK';

export interface Command {
  /** Such as `runOnRead`. */
  readonly hook: string;
  readonly text: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Name of the path, for the log. */
  readonly path?: string;
  /** Whether a client has caused the command. The number of such commands is limited. */
  readonly isCaused?: boolean;
}

interface ProgramsOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Distinguishes the programs of several instances. */
  readonly mark: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly endTimes?: EndTimes;
  /** Default: 5 s. */
  readonly restartPauseMs?: number;
}

export interface Running {
  /** Ends the program. Resolves when all its processes have ended. */
  stop(): Promise<void>;
  /** Id of the current process group. */
  readonly group: number | undefined;
}

/** Starts the commands of the configuration and logs their output. */
export class Programs {
  readonly tallies = new HookTallies();
  readonly #options: ProgramsOptions;
  /** Running programs, with the paths that their commands name. */
  readonly #running = new Map<Program, ReadonlySet<string>>();
  readonly #onExit = (): void => this.#killAll();
  /** Running one-shot commands. */
  readonly #work = new Set<Promise<void>>();
  /** Number of running commands caused by clients, by hook. */
  readonly #caused = new Map<string, number>();
  /** Hooks at their limit, which was logged already. */
  readonly #full = new Set<string>();
  #isClosed = false;

  constructor(options: ProgramsOptions) {
    this.#options = options;
    // No command outlives Perch.
    process.on('exit', this.#onExit);
  }

  /** Runs the command until `stop`. If it ends earlier, it restarts after 5 s if `isRestarted`. */
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

  /** @returns how it ended; undefined: it was not started, as the log says */
  async once(command: Command): Promise<ProgramEnd | undefined> {
    const log = this.#logOf(command);
    const program = this.#start(command, log, false);
    if (!program) {
      return undefined;
    }
    const work = program.ended.then((end) => {
      tellEnd(log, end);
      this.#count(command, end);
      this.#work.delete(work);
    });
    this.#work.add(work);
    await work;
    return program.ended;
  }

  /** Process groups of commands that contain the RTSP URL of this path. */
  groupsNaming(path: string): readonly number[] {
    return [...this.#running].flatMap(([{ group }, named]) => (group !== undefined && named.has(path) ? [group] : []));
  }

  /** Lets one-shot commands finish for ten seconds at most and ends the others. None starts afterwards. */
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
        leftOut: (lines) => log.warn({ lines }, 'command output exceeds the log limit'),
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

  /** Commands are validated with the configuration; what that missed fails one command only. */
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

/** What went wrong with a command that has ended, or undefined. */
export function faultOf(end: ProgramEnd | undefined): string | undefined {
  switch (end?.kind) {
    case 'exit':
      return end.code === 0 ? undefined : `the command has ended with exit code ${end.code}`;
    case 'signal':
      return `the command was ended by ${end.signal}`;
    default:
      return `the command was not started: ${end?.reason ?? 'see the log'}`;
  }
}

/** @returns how it ended, in words */
function tellEnd(log: Logger, end: ProgramEnd, before?: string): string {
  const words = JSON.stringify(end);
  if (words === before) {
    log.debug(end, 'command has ended as before');
  } else if (end.kind === 'failure') {
    log.error({ reason: end.reason }, 'command cannot be started');
  } else if (end.kind === 'exit') {
    log[end.code === 0 ? 'info' : 'warn']({ code: end.code }, 'command has ended');
  } else {
    log.warn({ signal: end.signal }, 'command was ended by a signal');
  }
  return words;
}
