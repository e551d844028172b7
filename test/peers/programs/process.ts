import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface RunningProcess {
  readonly pid: number;
  readonly child: ChildProcessWithoutNullStreams;
  /** Its output so far, both streams. */
  output(): string;
  /** Resolves with the first match in its output, or rejects with the output when it exits before. */
  waitFor(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Resolves with the exit code (null: ended by a signal). */
  readonly exited: Promise<number | null>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts a program whose output is kept (the last megabyte) and that can be waited for. */
export function startProcess(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd?: string,
): RunningProcess {
  const child = spawn(command, args, { env: { ...process.env, ...env }, cwd, stdio: 'pipe' });
  let text = '';
  const listeners = new Set<() => void>();
  const take = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-1_000_000);
    for (const listener of listeners) {
      listener();
    }
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  child.stdin.on('error', () => {});
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
  failed.catch(() => {});
  const waitFor = (pattern: RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const look = () => {
        const match = text.match(pattern);
        if (match) {
          listeners.delete(look);
          resolve(match);
        }
      };
      listeners.add(look);
      look();
      exited.then(() => reject(new Error(`${command} ended before ${pattern}:\n${text}`)));
      failed.catch(reject);
    });
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return exited;
  };
  return { pid: child.pid ?? 0, child, output: () => text, waitFor, exited, stop };
}

/** Runs a program to its end. */
export async function runProcess(
  command: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const running = startProcess(command, args);
  running.child.stdin.end();
  const code = await running.exited;
  return { code, output: running.output() };
}
