import { statfs } from 'node:fs/promises';
import type { ImportRequest, TransferForecast } from '../../http/api/recordings/transfer-routes.ts';
import { RecordPathPattern } from '../../record/file/record-path.ts';
import { nearestFolder } from '../../record/file/segment-fs.ts';
import { usesOf } from './import-groups.ts';

interface ForecastDeps {
  readonly nowMs: number;
  /** Settings of a path; undefined: those of a new camera. */
  readonly settingsOf: (path: string | undefined) => {
    readonly recordPath: string;
    readonly recordDeleteAfterMs: number;
  };
  readonly minFreeBytes: (diskBytes: number) => number;
  readonly signal: AbortSignal;
}

interface Use {
  readonly files: number;
  readonly bytes: number;
  readonly old: number;
}

/** Computes what an import would take, and the room for it. */
export async function foreseeImport(
  folder: string,
  items: ImportRequest['items'],
  deps: ForecastDeps,
): Promise<TransferForecast> {
  const { nowMs, settingsOf, signal } = deps;
  const beforeMs = new Map<string, number>();
  for (const { group, path } of items) {
    const { recordDeleteAfterMs: keptMs } = settingsOf(path);
    beforeMs.set(group, keptMs > 0 ? nowMs - keptMs : Number.NEGATIVE_INFINITY);
  }
  return foreseeUses(await usesOf(folder, beforeMs, signal), items, deps);
}

/** @param uses by group */
export async function foreseeUses(
  uses: ReadonlyMap<string, Use>,
  items: ImportRequest['items'],
  { settingsOf, minFreeBytes }: Pick<ForecastDeps, 'settingsOf' | 'minFreeBytes'>,
): Promise<TransferForecast> {
  const disks = new Map<number, Disk>();
  const all = { files: 0, bytes: 0, old: 0 };
  for (const { group, path } of items) {
    const { files = 0, bytes = 0, old = 0 } = uses.get(group) ?? {};
    all.files += files;
    all.bytes += bytes;
    all.old += old;
    const { at, device } = await nearestFolder(new RecordPathPattern(settingsOf(path).recordPath, undefined).folder);
    let disk = disks.get(device);
    if (!disk) {
      const { bavail, bsize, blocks } = await statfs(at);
      disk = { bytes: 0, freeBytes: bavail * bsize, keptFreeBytes: minFreeBytes(blocks * bsize) };
      disks.set(device, disk);
    }
    disk.bytes += bytes;
  }
  const [fullest] = [...disks.values()].sort((one, other) => roomOf(one) - roomOf(other));
  const missing = [...disks.values()].map((disk) => Math.max(0, -roomOf(disk)));
  return {
    ...all,
    freeBytes: fullest?.freeBytes ?? 0,
    keptFreeBytes: fullest?.keptFreeBytes ?? 0,
    missingBytes: missing.reduce((sum, bytes) => sum + bytes, 0),
  };
}

interface Disk {
  bytes: number;
  readonly freeBytes: number;
  readonly keptFreeBytes: number;
}

/** Bytes that the disk still has free after the import. Negative: the number of missing bytes. */
export const roomOf = ({ bytes, freeBytes, keptFreeBytes }: Disk): number =>
  Math.max(0, freeBytes - keptFreeBytes) - bytes;
