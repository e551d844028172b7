import { statfs } from 'node:fs/promises';
import { PerchError } from '../../base/errors.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { freeSpaceBytes } from '../../config/values/free-space.ts';
import { RecordPathPattern } from '../../record/file/record-path.ts';
import { nearestFolder } from '../../record/file/segment-fs.ts';
import type { TransferForecast, TransferItems } from './transfer-kind.ts';

interface Use {
  readonly files: number;
  readonly bytes: number;
  /** Number of files that are left out for their age. */
  readonly old: number;
}

/** Settings of a path, or undefined for those of a new camera. */
export function recordingTo(
  config: Config,
  path: string | undefined,
): { readonly recordPath: string; readonly recordDeleteAfterMs: number } {
  const settings = path === undefined ? undefined : resolvePath(config, path)?.settings;
  return settings ?? { recordPath: config.pathDefaults.recordPath, recordDeleteAfterMs: 0 };
}

/** Settings of a path. @throws PerchError if it is not configured */
export function recordingOf(config: Config, path: string): PathSettings {
  const settings = resolvePath(config, path)?.settings;
  if (!settings) {
    const text = `path '${path}' is not configured any more: add it again, or cancel`;
    throw new PerchError('notFound', text, { why: 'path' });
  }
  return settings;
}

/** The room for what a transfer would take. @param uses by group */
export async function foreseeUses(
  uses: ReadonlyMap<string, Use>,
  items: TransferItems,
  config: Config,
): Promise<TransferForecast> {
  const disks = new Map<number, Disk>();
  const all = { files: 0, bytes: 0, old: 0 };
  for (const { group, path } of items) {
    const { files = 0, bytes = 0, old = 0 } = uses.get(group) ?? {};
    all.files += files;
    all.bytes += bytes;
    all.old += old;
    const { device, ...disk } = await diskOf(recordingTo(config, path).recordPath, config);
    const known = disks.get(device) ?? disk;
    known.bytes += bytes;
    disks.set(device, known);
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
  /** Bytes that go there. */
  bytes: number;
  readonly freeBytes: number;
  readonly keptFreeBytes: number;
}

/** The disk that a `recordPath` is on. */
export async function diskOf(recordPath: string, config: Config): Promise<Disk & { readonly device: number }> {
  const { at, device } = await nearestFolder(new RecordPathPattern(recordPath, undefined).folder);
  const { bavail, bsize, blocks } = await statfs(at);
  const keptFreeBytes = freeSpaceBytes(config.recordMinFree, blocks * bsize);
  return { device, bytes: 0, freeBytes: bavail * bsize, keptFreeBytes };
}

/** Bytes that the disk still has free after the import. Negative: the number of missing bytes. */
export const roomOf = ({ bytes, freeBytes, keptFreeBytes }: Disk): number =>
  Math.max(0, freeBytes - keptFreeBytes) - bytes;
