import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { INTERRUPTION } from './interruption.ts';

interface CallOptions {
  readonly cwd?: string;
  /** Variables in addition to the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly endedBy?: 'SIGKILL' | 'SIGTERM';
}

/**
 * Runs a program; its output is shown only if it fails. An interruption ends it and all that it started.
 * @returns the end of its output
 */
export async function call(
  program: string,
  parameters: readonly string[],
  { cwd, env, input = '', endedBy = 'SIGTERM' }: CallOptions = {},
): Promise<string> {
  INTERRUPTION.throwIfAborted();
  // In its own process group, which Ctrl-C does not reach: mmdebstrap gets one signal and removes its mounts.
  const child = spawn(program, parameters, {
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const over = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [output, log] = [lastOf(child.stdout), lastOf(child.stdout, child.stderr)];
  // A program that does not read its input may end first.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const stop = () => endGroup(child, endedBy);
  INTERRUPTION.addEventListener('abort', stop);
  try {
    const code = await over;
    INTERRUPTION.throwIfAborted();
    if (code !== 0) {
      throw new Error(`${program} ended with ${code}:\n${log()}`);
    }
    return output();
  } finally {
    INTERRUPTION.removeEventListener('abort', stop);
  }
}

const KEPT_CHARS = 4_000;

function lastOf(...streams: readonly Readable[]): () => string {
  let text = '';
  for (const stream of streams) {
    stream.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-KEPT_CHARS);
    });
  }
  return () => text;
}

function endGroup({ pid, exitCode, signalCode }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid !== undefined && exitCode === null && signalCode === null) {
    process.kill(-pid, signal);
  }
}
