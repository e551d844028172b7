import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';

/** The first file descriptor that systemd passes on (sd_listen_fds(3)). */
const FIRST_FD = 3;
/** Name of the socket in systemd's `OpenFile=`. */
const FD_NAME = 'notify';
/** Time limit of the helper program, so that hung ones do not pile up. */
const HELPER_MS = 10_000;

/** The service manager that supervises this process (sd_notify(3)). */
export interface ServiceManager {
  /** Its watchdog timeout. */
  readonly watchdogMs: number | undefined;
  ready(status: string): void;
  /** A line for `systemctl status`. */
  status(status: string): void;
  alive(): void;
  stopping(): void;
}

const NONE: ServiceManager = {
  watchdogMs: undefined,
  ready: () => {},
  status: () => {},
  alive: () => {},
  stopping: () => {},
};

/**
 * The service manager named by the environment. Its variables are removed: child programs are not the service. From
 * systemd 253 on its socket is passed as a file (`OpenFile=`), which costs a write; before, the program
 * `systemd-notify` is started, because Node has no datagram sockets of this kind.
 */
export function findServiceManager(env: NodeJS.ProcessEnv, pid = process.pid): ServiceManager {
  const fd = passedFd(env, pid);
  const notify = fd !== undefined ? (text: string) => writeTo(fd, text) : helper(env);
  const watchdogMs = watchdogOf(env, pid);
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) {
    delete env[name];
  }
  if (notify === undefined) {
    return NONE;
  }
  return {
    watchdogMs,
    ready: (status) => notify(`READY=1\nSTATUS=${inOneLine(status)}`),
    status: (status) => notify(`STATUS=${inOneLine(status)}`),
    alive: () => notify('WATCHDOG=1'),
    stopping: () => notify('STOPPING=1'),
  };
}

/**
 * Whether systemd restarts this process when it ends. Programs of a desktop inherit `INVOCATION_ID` as well, since it is a service itself.
 * @param pids of this process and its parent; systemd names the process that it has started from version 248 on
 */
export function isService(env: NodeJS.ProcessEnv, pids: readonly number[] = [process.pid, process.ppid]): boolean {
  const { INVOCATION_ID: id, SYSTEMD_EXEC_PID: started } = env;
  return id !== undefined && (started === undefined || pids.includes(Number(started)));
}

/** Sends signs of life while `isWell`, twice as often as required. Without them the manager restarts the service. */
export function feedWatchdog(
  manager: ServiceManager,
  every: (ms: number, tick: () => void) => void,
  isWell: () => boolean,
): void {
  if (manager.watchdogMs !== undefined) {
    every(manager.watchdogMs / 2, () => {
      if (isWell()) {
        manager.alive();
      }
    });
  }
}

const inOneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');

function passedFd(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  // Inherited, and meant for another process.
  if (Number(env['LISTEN_PID']) !== pid) {
    return undefined;
  }
  const at = (env['LISTEN_FDNAMES'] ?? '').split(':').indexOf(FD_NAME);
  return at >= 0 && at < Number(env['LISTEN_FDS']) ? FIRST_FD + at : undefined;
}

function watchdogOf(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const us = Number(env['WATCHDOG_USEC']);
  const isMeant = env['WATCHDOG_PID'] === undefined || Number(env['WATCHDOG_PID']) === pid;
  return isMeant && us > 0 ? us / 1_000 : undefined;
}

function writeTo(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // The manager restarts or its queue is full: the next notification follows soon.
  }
}

function helper(env: NodeJS.ProcessEnv): ((text: string) => void) | undefined {
  const socket = env['NOTIFY_SOCKET'];
  if (socket === undefined) {
    return undefined;
  }
  return (text) => {
    const child = spawn('systemd-notify', text.split('\n'), {
      env: { PATH: env['PATH'], NOTIFY_SOCKET: socket },
      stdio: 'ignore',
      timeout: HELPER_MS,
    });
    // Without the program the manager ends a service that it waits for, and logs that itself.
    child.on('error', () => {});
    child.unref();
  };
}
