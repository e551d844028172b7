import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { logOnce } from '../../base/log-once.ts';

/** Parts of the limit, each of which has to pass without a beat: both processes may stand still in between. */
const ROUNDS = 6;

/**
 * $1: the process, $2: seconds of a round. SIGCONT is a beat. Of /proc/PID/stat the state comes after the name, and the start time, which
 * tells a process from a later one with its number, 19 fields after the state (proc_pid_stat(5)). SIGSTOP and gdb stop a process that is well.
 */
const SCRIPT = `
trap 'silent=0' CONT
silent=-1
while :; do
	read -r stat < "/proc/$1/stat" || exit
	set -- "$1" "$2" \${stat##*) }
	[ "\${began:=\${22}}" = "\${22}" ] || exit
	case $3 in
	[Tt]) silent=0 ;;
	[ZXx]) exit ;;
	*) silent=$((silent + 1)) ;;
	esac
	[ "$silent" -lt ${ROUNDS} ] || kill -s KILL "$1"
	sleep "$2" || exit
done`;

/**
 * Starts a shell that kills this process with SIGKILL when the main thread has not answered for 30 s, for systems without a service manager
 * that does so; the supervisor then restarts Perch. It takes 0.4 MB, a thread of Node would take 6.
 * @param env `PERCH_WATCHDOG_MS` is another limit, for tests
 */
export function startWatchdog(
  clock: Pick<Clock, 'eachSecond' | 'monoMs'>,
  env: NodeJS.ProcessEnv,
  log: Pick<Logger, 'warn'>,
): void {
  // As `WatchdogSec=` of the systemd unit.
  const limitMs = Number(env['PERCH_WATCHDOG_MS']) || 30_000;
  const inspector = process.features.inspector ? process.getBuiltinModule('node:inspector') : undefined;
  const watchdog = new Watchdog(limitMs, env['PATH'], (reason) => {
    const advice = 'it needs the programs sh and sleep, /proc, and memory for two processes';
    log.warn(
      { reason },
      `Perch is not restarted if it hangs: its watchdog has ended and starts again in a minute; ${advice}`,
    );
  });
  const beat = (): void => {
    // A debugger stops the main thread.
    if (inspector?.url() === undefined) {
      watchdog.beat(clock.monoMs());
    } else {
      watchdog.stop();
    }
  };
  beat();
  clock.eachSecond(beat);
  process.once('exit', () => watchdog.stop());
}

class Watchdog {
  readonly #limitMs: number;
  readonly #path: string | undefined;
  readonly #report: (error: unknown) => void;
  /** Undefined: none was started, or it has ended. */
  #shell: ChildProcess | undefined;
  #nextStartMs = Number.NEGATIVE_INFINITY;

  constructor(limitMs: number, path: string | undefined, report: (reason: string) => void) {
    this.#limitMs = limitMs;
    this.#path = path;
    this.#report = logOnce(report);
  }

  beat(nowMs: number): void {
    if (this.#shell) {
      this.#shell.kill('SIGCONT');
    } else if (nowMs >= this.#nextStartMs) {
      this.#nextStartMs = nowMs + 2 * this.#limitMs;
      this.#start();
    }
  }

  /** Until the next beat. */
  stop(): void {
    const shell = this.#shell;
    this.#shell = undefined;
    this.#nextStartMs = Number.NEGATIVE_INFINITY;
    shell?.kill('SIGKILL');
  }

  #start(): void {
    try {
      const args = ['-c', SCRIPT, 'perch-watchdog', String(process.pid), String(this.#limitMs / ROUNDS / 1000)];
      // Ctrl-C and Ctrl-Z are for Perch only.
      const shell = spawn('sh', args, { detached: true, stdio: 'ignore', env: { PATH: this.#path } });
      // Also a signal that could not be sent.
      shell.on('error', (error) => this.#ended(shell, error));
      shell.on('exit', (code, signal) => this.#ended(shell, new Error(`sh: ${signal ?? `exit code ${code}`}`)));
      // A shell that did not start has none, and `kill` would send the signal to all processes of the group.
      if (shell.pid !== undefined) {
        shell.unref();
        this.#shell = shell;
      }
    } catch (error) {
      this.#report(error);
    }
  }

  #ended(shell: ChildProcess, error: Error): void {
    if (shell.pid === undefined || shell === this.#shell) {
      this.#shell = undefined;
      this.#report(error);
    }
  }
}
