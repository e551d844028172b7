import { type ChildProcess, execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PerchError } from '../../agent/base/errors.ts';
import { refusal } from '../update/reasons.ts';

const run = promisify(execFile);
/** dpkg's messages of all versions for a lock: nothing has been changed then. */
const LOCKED = /lock (?:is|was) locked by another process/;

/**
 * Runs a program of the system.
 * @param limitMs then it is killed with all that it started
 * @returns its output
 * @throws PerchError conflict: another program installs packages; timeout
 */
export async function tell(program: string, args: readonly string[], limitMs?: number): Promise<string> {
  // Asks no questions, and answers in English.
  const options = {
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 4 << 20,
  };
  // A process group of its own, so that all of it can be killed.
  const running = limitMs === undefined ? run(program, args, options) : run('setsid', [program, ...args], options);
  if (limitMs !== undefined && !(await isOverWithin(running, limitMs))) {
    await end(running);
    throw new PerchError('timeout', `${program} did not end within ${limitMs / 1_000} s`);
  }
  try {
    return (await running).stdout;
  } catch (cause) {
    const { stderr = '' } = cause as { readonly stderr?: string };
    if (LOCKED.test(stderr)) {
      throw refusal('conflict', 'another program installs packages on this machine', 'busy');
    }
    // The output names the failure; the command line would only add length.
    throw new Error(`${program}: ${stderr.trim().slice(-400) || String(cause)}`);
  }
}

async function isOverWithin(running: Promise<unknown>, ms: number): Promise<boolean> {
  const stop = new AbortController();
  const isOver = () => true;
  try {
    return await Promise.race([running.then(isOver, isOver), delay(ms, false, { signal: stop.signal })]);
  } finally {
    stop.abort();
  }
}

/** Kills like a power cut, which dpkg survives: after SIGTERM its scripts would continue. */
async function end(running: Promise<unknown> & { readonly child: ChildProcess }): Promise<void> {
  const { child } = running;
  try {
    process.kill(-groupOf(child), 'SIGKILL');
  } catch {
    // The group does not exist yet, or is empty.
    child.kill('SIGKILL');
  }
  // Processes that left the group may hold these open.
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
  // A process that waits for a hanging disk does not end, even when killed.
  await isOverWithin(running, 5_000);
}

/** @throws when the process was not started: group 0 would be this program's */
function groupOf({ pid }: ChildProcess): number {
  if (!pid) {
    throw new Error('it was not started');
  }
  return pid;
}
