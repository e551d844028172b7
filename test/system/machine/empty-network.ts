import { type RunningProcess, runProcess, startProcess } from '../../peers/programs/process.ts';

let count = 0;

/** A separate network in which nothing is up at first, not even loopback. */
export interface EmptyNetwork extends AsyncDisposable {
  start(command: string, args: readonly string[]): RunningProcess;
  /** Brings loopback up. */
  up(): Promise<void>;
}

async function ip(...args: readonly string[]): Promise<void> {
  const { code, output } = await runProcess('ip', args);
  if (code !== 0) {
    throw new Error(`ip ${args.join(' ')}: ${output}`);
  }
}

/** Needs root. */
export async function emptyNetwork(): Promise<EmptyNetwork> {
  count += 1;
  const name = `perch-empty-${process.pid}-${count}`;
  await ip('netns', 'add', name);
  return {
    start: (command, args) => startProcess('ip', ['netns', 'exec', name, command, ...args]),
    up: () => ip('-n', name, 'link', 'set', 'lo', 'up'),
    [Symbol.asyncDispose]: () => ip('netns', 'del', name),
  };
}
