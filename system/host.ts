import { readlinkSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';

interface HostFacts {
  readonly cpuPercent: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly disks: readonly DiskFacts[];
}

interface DiskFacts {
  readonly folder: string;
  readonly totalBytes: number;
  /** Bytes that an ordinary user may still write. */
  readonly freeBytes: number;
}

interface Measures {
  currentLoad(): Promise<{ readonly currentLoad: number }>;
  mem(): Promise<{ readonly active: number; readonly total: number }>;
}

/** Imported at first use, so that a start does not pay for it. */
const machine: Measures = {
  currentLoad: async () => (await import('systeminformation')).default.currentLoad(),
  mem: async () => (await import('systeminformation')).default.mem(),
};

/**
 * In a sandbox without measurements: Node's values, and no load.
 * @param folders for a missing folder its nearest existing parent is used
 */
export async function hostFacts(folders: readonly string[], measures = machine): Promise<HostFacts> {
  const [percent, memory, disks] = await Promise.all([
    cpuPercent(measures),
    measures.mem().catch(() => undefined),
    Promise.all(folders.map(diskFacts)),
  ]);
  const isMeasured = memory !== undefined && memory.active >= 0 && memory.total > 0;
  return {
    cpuPercent: percent,
    memoryUsedBytes: isMeasured ? memory.active : totalmem() - freemem(),
    memoryTotalBytes: isMeasured ? memory.total : totalmem(),
    disks,
  };
}

/** Load of all processors over the last moments, 0 to 100. */
export async function cpuPercent(measures: Pick<Measures, 'currentLoad'> = machine): Promise<number> {
  const load = await measures.currentLoad().catch(() => undefined);
  return load && load.currentLoad >= 0 ? Math.round(Math.min(100, load.currentLoad) * 10) / 10 : 0;
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

/**
 * The box's time zone, IANA name. Node's own answer costs 7 MB of memory (ICU loads every language): used only if
 * the system has no link.
 */
export function timeZoneName(link = '/etc/localtime', set = process.env['TZ']): string {
  return (set ? undefined : linkedZone(link)) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function linkedZone(link: string): string | undefined {
  try {
    let file = link;
    // In the image the link leads through a second one, which is writable.
    for (let links = 0; links < 4; links += 1) {
      const target = readlinkSync(file);
      const [, name] = /\/zoneinfo\/((?:[A-Z][\w+-]*\/)*[A-Z][\w+-]*)$/.exec(target) ?? [];
      if (name !== undefined) {
        return name;
      }
      file = resolve(dirname(file), target);
    }
  } catch {
    // A copy of the zone file, or no file.
  }
  return undefined;
}
