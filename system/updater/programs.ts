import { type ChildProcess, execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PerchError } from '../../agent/base/errors.ts';
import { refusal } from '../update/reasons.ts';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 4 << 20;
/** What waits for a disk that hangs does not end, even then. */
const MAX_DYING_MS = 5_000;
/** As dpkg of any age says it: nothing has been changed then. */
const LOCKED = /lock (?:is|was) locked by another process/;

/**
 * Runs a program of the system.
 * @param limitMs how long it may take: then it is ended, with all that it has started
 * @returns what it says
 * @throws PerchError conflict: something else installs packages just now; timeout
 */
export async function tell(program: string, args: readonly string[], limitMs?: number): Promise<string> {
  // Asks nobody, and answers in English.
  const options = {
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: MAX_OUTPUT_BYTES,
  };
  // A group of its own is what can be ended as a whole.
  const running = limitMs === undefined ? run(program, args, options) : run('setsid', [program, ...args], options);
  if (limitMs !== undefined && !(await isOverWithin(running, limitMs))) {
    await end(running);
    throw new PerchError('timeout', `${program} has not come to an end within ${limitMs / 1_000} s`);
  }
  try {
    return (await running).stdout;
  } catch (cause) {
    const { stderr = '' } = cause as { readonly stderr?: string };
    if (LOCKED.test(stderr)) {
      throw refusal('conflict', 'another program installs packages on this machine', 'busy');
    }
    // What failed is said there; the command beside it would only be long.
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

/** As a power cut does, which dpkg gets over: asked politely it ends alone, and its scripts go on. */
async function end(running: Promise<unknown> & { readonly child: ChildProcess }): Promise<void> {
  const { child } = running;
  try {
    process.kill(-groupOf(child), 'SIGKILL');
  } catch {
    // It has none yet, or there is nobody in it any more.
    child.kill('SIGKILL');
  }
  // Who has left the group may hold these open.
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
  await isOverWithin(running, MAX_DYING_MS);
}

/** @throws where it was not started at all: 0 would be the group of this program */
function groupOf({ pid }: ChildProcess): number {
  if (!pid) {
    throw new Error('it was not started');
  }
  return pid;
}
