import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What the host is doing, for people. */
export interface HostFacts {
  /** Load of all processors together over the last moments, 0 to 100. */
  readonly cpuPercent: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly disks: readonly DiskFacts[];
}

export interface DiskFacts {
  readonly folder: string;
  readonly totalBytes: number;
  /** What an ordinary user may still write. */
  readonly freeBytes: number;
}

/** @param folders where things are kept; a folder that is not there yet stands for the nearest one above it that is */
export async function hostFacts(folders: readonly string[]): Promise<HostFacts> {
  // Loaded when first asked for: nobody pays for it at start.
  const { default: si } = await import('systeminformation');
  const [load, memory, disks] = await Promise.all([si.currentLoad(), si.mem(), Promise.all(folders.map(diskFacts))]);
  return {
    cpuPercent: Math.round(load.currentLoad * 10) / 10,
    memoryUsedBytes: memory.active,
    memoryTotalBytes: memory.total,
    disks,
  };
}

async function diskFacts(folder: string): Promise<DiskFacts> {
  for (let at = folder; ; at = dirname(at)) {
    try {
      const { bsize, blocks, bavail } = await statfs(at);
      return { folder, totalBytes: bsize * blocks, freeBytes: bsize * bavail };
    } catch (cause) {
      if (at === dirname(at)) {
        throw cause;
      }
    }
  }
}
