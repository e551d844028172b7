import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
const PERIOD_US = 100_000;

/** Limits of a process and its threads. */
export interface Limits {
  /** Share of one core. */
  readonly cores: number;
  readonly megabytes: number;
}

/** Control groups of version 1 or 2, which need root; undefined where there are none. */
export function holdProcess(pid: number, { cores, megabytes }: Limits): Disposable | undefined {
  const name = `perch-bench-${pid}`;
  const quotaUs = Math.round(cores * PERIOD_US);
  const bytes = Math.round(megabytes * 2 ** 20);
  const files: Readonly<Record<string, string>> = existsSync(join(ROOT, 'cgroup.controllers'))
    ? { [`${name}/cpu.max`]: `${quotaUs} ${PERIOD_US}`, [`${name}/memory.max`]: `${bytes}` }
    : { [`cpu/${name}/cpu.cfs_quota_us`]: `${quotaUs}`, [`memory/${name}/memory.limit_in_bytes`]: `${bytes}` };
  const groups = [...new Set(Object.keys(files).map((file) => join(ROOT, file, '..')))];
  try {
    for (const group of groups) {
      mkdirSync(group);
    }
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(ROOT, file), text);
    }
    for (const group of groups) {
      writeFileSync(join(group, 'cgroup.procs'), `${pid}`);
    }
  } catch {
    return undefined;
  }
  return {
    [Symbol.dispose]() {
      for (const group of groups) {
        // A group can be removed when it is empty.
        for (const left of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
          writeFileSync(join(group, '..', 'cgroup.procs'), left);
        }
        rmdirSync(group);
      }
    },
  };
}
