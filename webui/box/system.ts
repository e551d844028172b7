import { ask } from './request.ts';

interface Seen {
  readonly now: boolean;
  /** Since the machine was started. */
  readonly sinceStart: boolean;
}

export interface SystemFacts {
  readonly version: string;
  /** RFC 3339. */
  readonly started: string;
  /** 0 to 100, all processors together. */
  readonly cpuPercent: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly host: string;
  readonly model: string | null;
  /** Somebody would start the box again. */
  readonly canRestart: boolean;
  readonly temperatureCelsius: number | null;
  /** Of a Raspberry Pi. */
  readonly power: Readonly<Record<'underVoltage' | 'slowed' | 'hot', Seen>> | null;
  readonly network: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    /** Bits per second. */
    readonly inboundBitrate: number | null;
  }[];
  readonly clock: { readonly timeZone: string; readonly set: boolean; readonly source: 'network' | 'battery' | 'none' };
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
