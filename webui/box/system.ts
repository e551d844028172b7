import { ask } from './request.ts';

export interface SystemFacts {
  readonly version: string;
  /** RFC 3339. */
  readonly started: string;
  /** 0 to 100, all processors together. */
  readonly cpuPercent: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly disks: readonly { readonly folder: string; readonly totalBytes: number; readonly freeBytes: number }[];
}

/** Free space of one disk, seen through two folders at two moments, differs by what was written in between. */
const SAME_SHARE = 0.001;

/** One entry per disk: folders on the same disk would count it twice. The last folder is the most telling one. */
export function distinctDisks(disks: SystemFacts['disks']): SystemFacts['disks'] {
  const isSame = (a: (typeof disks)[number], b: (typeof disks)[number]) =>
    a.totalBytes === b.totalBytes && Math.abs(a.freeBytes - b.freeBytes) <= a.totalBytes * SAME_SHARE;
  return disks.filter((disk, i) => !disks.slice(i + 1).some((later) => isSame(disk, later)));
}

export const systemFacts = (signal: AbortSignal): Promise<SystemFacts> => ask('v3/system', { signal });
