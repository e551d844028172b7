import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../agent/agent.ts';

const PERIOD_MS = 100;
const V1 = '/sys/fs/cgroup/cpu';
const V2 = '/sys/fs/cgroup';

/**
 * Gives a process no more than a share of one processor until disposed: by a quota of Linux's control groups or, where
 * they may not be written, by signals that stop it and let it go on.
 */
export function throttle(pid: number, cores: number): AsyncDisposable {
  return byGroup(pid, cores) ?? bySignals(pid, cores);
}

function byGroup(pid: number, cores: number): AsyncDisposable | undefined {
  const isV1 = existsSync(join(V1, 'cpu.cfs_quota_us'));
  const root = isV1 ? V1 : V2;
  const group = join(root, `perch-throttle-${pid}`);
  const [periodUs, quotaUs] = [PERIOD_MS * 1_000, Math.round(cores * PERIOD_MS * 1_000)];
  try {
    if (isV1) {
      mkdirSync(group);
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(periodUs));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quotaUs));
    } else {
      writeFileSync(join(root, 'cgroup.subtree_control'), '+cpu');
      mkdirSync(group);
      writeFileSync(join(group, 'cpu.max'), `${quotaUs} ${periodUs}`);
    }
    writeFileSync(join(group, 'cgroup.procs'), String(pid));
  } catch {
    return undefined;
  }
  const end = async (): Promise<void> => {
    // The kernel may need a moment until the group is empty, and what the process has started is in it, too.
    await until(() => {
      try {
        for (const one of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
          writeFileSync(join(root, 'cgroup.procs'), one);
        }
        rmdirSync(group);
        return true;
      } catch (error) {
        // ESRCH: one has ended meanwhile.
        if (['EBUSY', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) {
          return undefined;
        }
        throw error;
      }
    });
  };
  return { [Symbol.asyncDispose]: end };
}

function bySignals(pid: number, cores: number): AsyncDisposable {
  let isOver = false;
  const run = async (): Promise<void> => {
    while (!isOver) {
      process.kill(pid, 'SIGSTOP');
      await sleep(PERIOD_MS * (1 - cores));
      process.kill(pid, 'SIGCONT');
      await sleep(PERIOD_MS * cores);
    }
  };
  const running = run();
  const end = async (): Promise<void> => {
    isOver = true;
    await running;
  };
  return { [Symbol.asyncDispose]: end };
}
