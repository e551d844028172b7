import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../base/clock.ts';

/** As `WatchdogSec=` of the systemd unit. */
const MAX_SILENCE_MS = 30_000;
/** Parts of the limit, each of which has to pass without a beat: both processes may stand still in between. */
const ROUNDS = 6;

/**
 * $1: the process, $2: seconds of a round. SIGCONT is a beat. Of /proc/PID/stat the state comes after the name, and the start time, which
 * tells a process from a later one with its number, 19 fields after the state (proc_pid_stat(5)). SIGSTOP and gdb stop a process that is well.
 */
const SCRIPT = `
trap 'silent=0' CONT
silent=0
while sleep "$2"; do
	read -r stat < "/proc/$1/stat" || exit
	set -- "$1" "$2" \${stat##*) }
	[ "\${began:=\${22}}" = "\${22}" ] || exit
	case $3 in
	[Tt]) silent=0 ;;
	[ZXx]) exit ;;
	*) silent=$((silent + 1)) ;;
	esac
	[ "$silent" -lt ${ROUNDS} ] || kill -s KILL "$1"
done`;

/**
 * Starts a shell that kills this process with SIGKILL when the main thread has not answered for 30 s, for systems without a service manager
 * that does so; the supervisor then restarts Perch. It takes 0.4 MB, a thread of Node would take 6.
 * @param env `PERCH_WATCHDOG_MS` is another limit, for tests
 */
export function startWatchdog(clock: Pick<Clock, 'eachSecond'>, env: NodeJS.ProcessEnv): void {
  const roundS = (Number(env['PERCH_WATCHDOG_MS']) || MAX_SILENCE_MS) / ROUNDS / 1000;
  const inspector = process.features.inspector ? process.getBuiltinModule('node:inspector') : undefined;
  let shell: ChildProcess | undefined;
  let hasFailed = false;
  const start = (): void => {
    const args = ['-c', SCRIPT, 'perch-watchdog', String(process.pid), String(roundS)];
    // Ctrl-C and Ctrl-Z are for Perch only.
    shell = spawn('sh', args, { detached: true, stdio: 'ignore', env: { PATH: env['PATH'] } });
    shell.unref();
    shell.once('error', () => {
      hasFailed = true;
    });
  };
  const beat = (): void => {
    if (!hasFailed && (shell?.exitCode !== null || shell.signalCode !== null)) {
      start();
    }
    // A debugger stops the main thread.
    shell?.kill(inspector?.url() === undefined ? 'SIGCONT' : 'SIGSTOP');
  };
  beat();
  clock.eachSecond(beat);
  process.once('exit', () => shell?.kill('SIGKILL'));
}
