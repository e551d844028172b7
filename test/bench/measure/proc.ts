import { readdirSync, readFileSync } from 'node:fs';

/** Linux reports CPU time in ticks of 1/100 s (USER_HZ), independent of the kernel's own clock. */
const TICKS_PER_SECOND = 100;

/** A process and its descendants. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? parentOf(Number(name)) : undefined;
    if (parent !== undefined) {
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    }
  }
  const tree = [root];
  for (const pid of tree) {
    tree.push(...(children.get(pid) ?? []));
  }
  return tree;
}

/** The fields of /proc/PID/stat after the command name, which may hold anything. */
function statOf(pid: number, thread = ''): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}${thread}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function parentOf(pid: number): number | undefined {
  const parent = statOf(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** User and system time of a process tree so far, in seconds. */
export function cpuSeconds(root: number): number {
  let ticks = 0;
  for (const pid of processTree(root)) {
    const stat = statOf(pid);
    ticks += Number(stat?.[11] ?? 0) + Number(stat?.[12] ?? 0);
  }
  return ticks / TICKS_PER_SECOND;
}

/** The main thread of a process: whether it wants a processor (it may have one), and what it has had so far. */
export function mainThread(pid: number): { readonly isRunnable: boolean; readonly cpuMs: number } {
  const [state, ...stat] = statOf(pid, `/task/${pid}`) ?? [];
  return { isRunnable: state === 'R', cpuMs: ((Number(stat[10]) + Number(stat[11])) * 1_000) / TICKS_PER_SECOND };
}

/** Those of its children that have ended and were waited for. */
export function endedChildSeconds(pid: number): number {
  const stat = statOf(pid);
  return (Number(stat?.[13] ?? 0) + Number(stat?.[14] ?? 0)) / TICKS_PER_SECOND;
}

/** Proportional set size of a process tree, in megabytes (10^6). */
export const pssMegabytes = (root: number): number =>
  processTree(root).reduce((sum, pid) => sum + (pid === root ? ownPssMegabytes(pid) : childPssMegabytes(pid)), 0);

const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH']);

/** A child may end while the tree is read, and has no memory then. */
function childPssMegabytes(pid: number): number {
  try {
    return ownPssMegabytes(pid);
  } catch (error) {
    if (GONE.has((error as NodeJS.ErrnoException).code ?? '')) {
      return 0;
    }
    throw error;
  }
}

/** The same of the process alone. */
export function ownPssMegabytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return (Number(text.match(/^Pss:\s+(\d+)/m)?.[1] ?? 0) * 1024) / 1e6;
}

/**
 * The mean of `pssMegabytes` once a second. Perch returns unused memory every 3 and every 30 s: within that time it grows by some MB and falls
 * again.
 */
export async function meanPssMegabytes(root: number, seconds: number): Promise<number> {
  let sum = 0;
  for (let second = 0; second < seconds; second += 1) {
    sum += pssMegabytes(root);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return sum / seconds;
}
