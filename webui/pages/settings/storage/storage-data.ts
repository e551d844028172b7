import type { DiskItem, MountedDisk, StorageUse, SystemAnswer } from '../../../api-client/api-types.ts';
import type { PathUse } from '../cameras/data/camera-settings.ts';

/** A drive, of `/v3/system`. */
export type Drive = SystemAnswer['drives'][number];

/** How far back recordings will reach. */
interface Reach {
  readonly days: number;
  /** `now`: only the present length is known. `age`: the cameras keep no more. `space`: no more fit. */
  readonly by: 'now' | 'age' | 'space';
}

/** The longest retention of any camera at today's rate: as wanted, or as much as fits. */
export function reachOf({ items, reachesBackDays }: StorageUse): Reach | undefined {
  const known = items.filter((use) => use.configured && use.fitsDays !== null).map(reachToCome);
  if (known.length > 0) {
    return known.reduce((longest, one) => (one.days > longest.days ? one : longest));
  }
  return reachesBackDays === null ? undefined : { days: reachesBackDays, by: 'now' };
}

function reachToCome({ wantedDays, fitsDays }: PathUse): Reach {
  const [wanted, fits] = [wantedDays ?? Number.POSITIVE_INFINITY, fitsDays ?? Number.POSITIVE_INFINITY];
  return wanted < fits ? { days: wanted, by: 'age' } : { days: fits, by: 'space' };
}

/** Largest first, sub streams with their cameras. Removed cameras without recordings are left out. */
export function byCamera(items: readonly PathUse[]): readonly PathUse[] {
  const names = new Set(items.map(({ path }) => path));
  const mainOf = (path: string) => {
    const main = path.replace(/_sub$/, '');
    return names.has(main) ? main : path;
  };
  const bytes = new Map<string, number>();
  for (const use of items) {
    const main = mainOf(use.path);
    bytes.set(main, (bytes.get(main) ?? 0) + use.bytes);
  }
  return items
    .filter((use) => mainOf(use.path) === use.path && (use.configured || use.bytes > 0))
    .map((use) => ({ ...use, bytes: bytes.get(use.path) ?? use.bytes }))
    .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
}

/** Folders on the same disk are merged; the fullest state counts. */
export function oneOfEach(disks: readonly DiskItem[], mounts: readonly MountedDisk[]): readonly DiskItem[] {
  const seen = new Map<string, DiskItem>();
  for (const disk of disks) {
    const key = mountOf(disk, mounts)?.folder ?? disk.folder;
    const known = seen.get(key);
    if (!known || (known.state === 'ok' && disk.state !== 'ok')) {
      seen.set(key, disk);
    }
  }
  return [...seen.values()];
}

/** Mount point; a missing disk has none, not that of its folder. */
export const mountOf = ({ folder, state }: DiskItem, mounts: readonly MountedDisk[]): MountedDisk | undefined =>
  state === 'vanished' ? undefined : mountedDiskOf(folder, mounts);

/** Total size of the present disks; undefined without any. */
export function filledOf(
  disks: readonly DiskItem[],
): { readonly totalBytes: number; readonly usedBytes: number } | undefined {
  let [totalBytes, usedBytes] = [0, 0];
  for (const disk of disks) {
    if (disk.freeBytes !== null) {
      totalBytes += disk.totalBytes;
      usedBytes += disk.totalBytes - disk.freeBytes;
    }
  }
  return totalBytes > 0 ? { totalBytes, usedBytes } : undefined;
}

export function mountedDiskOf(folder: string, mounts: readonly MountedDisk[]): MountedDisk | undefined {
  const above = mounts.filter((mount) => `${folder}/`.startsWith(`${mount.folder.replace(/\/$/, '')}/`));
  return above.sort((a, b) => b.folder.length - a.folder.length)[0];
}

/** The drive of a partition such as `/dev/sda1` or `/dev/mmcblk0p2`. Drives are named `/dev/sda`, or `mmcblk0`. */
export function driveOf(device: string, drives: readonly Drive[]): Drive | undefined {
  const part = deviceName(device);
  return drives.find((drive) => {
    const name = deviceName(drive.name);
    return name !== '' && part.startsWith(name) && /^(?:p?\d+)?$/.test(part.slice(name.length));
  });
}

const deviceName = (device: string): string => device.replace(/^\/dev\//, '');

export type DiskTrouble = 'gone' | 'full' | 'failing' | 'readOnly' | 'stuck' | 'slowing';

const TROUBLES: Readonly<Partial<Record<DiskItem['state'], DiskTrouble>>> = {
  vanished: 'gone',
  full: 'full',
  nearlyFull: 'full',
  failing: 'failing',
  readOnly: 'readOnly',
  hanging: 'stuck',
  slowing: 'slowing',
};
const BY_SEVERITY: readonly DiskTrouble[] = ['gone', 'readOnly', 'full', 'stuck', 'failing', 'slowing'];

/** Troubles of recording disks, the most serious first. */
export function diskTroubles(disks: readonly DiskItem[]): readonly DiskTrouble[] {
  const found = new Set(disks.map(({ state }) => TROUBLES[state]));
  return BY_SEVERITY.filter((trouble) => found.has(trouble));
}

/** `10%` of each disk; a size in bytes is no step. */
export const percentOf = (recordMinFree: string): number | undefined => {
  const [, percent] = /^([\d.]+)\s*%$/.exec(recordMinFree) ?? [];
  return percent === undefined ? undefined : Number(percent);
};

/** Bytes to free so that this share of each disk is free; 0 if it is. */
export const missingBytes = (disks: readonly DiskItem[], share: number): number =>
  disks.reduce(
    (sum, { totalBytes, freeBytes }) =>
      sum + (freeBytes === null ? 0 : Math.max(0, (totalBytes * share) / 100 - freeBytes)),
    0,
  );

export const FREE_STEPS = [1, 2, 3, 5, 10, 15, 20, 30, 50];
