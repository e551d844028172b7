import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../agent/base/clock.ts';

/** A mounted file system, as `/proc/self/mounts` lists it. */
interface Mount {
  readonly device: string;
  readonly folder: string;
  readonly type: string;
  /** True also after the file system has shut itself down, which newer kernels report for ext4. */
  readonly isReadOnly: boolean;
}

/** A mounted file system that could hold recordings. */
export interface MountedPlace extends Mount {
  readonly totalBytes: number;
  /** Bytes that an ordinary user may still write. */
  readonly freeBytes: number;
  readonly isRemovable: boolean;
  readonly isNetwork: boolean;
  /** Whether Perch may record there. */
  readonly isWritable: boolean;
}

const READ_ONLY = /^(?:ro|emergency_ro|shutdown)$/;
const NETWORK = /^(?:nfs4?|cifs|smb3|smbfs|fuse\.sshfs|9p|ceph|glusterfs)$/;
/** Mount points of the system itself. */
const SYSTEM_FOLDERS =
  /^\/(?:boot|efi|snap|proc|sys|run\/(?!media\/|mount\/)|etc|usr|var\/(?:snap|lib\/docker))(?:\/|$)/;
/** Perch's folder for recordings on a disk: often the only folder there that is Perch's. */
export const OWN_FOLDER = 'perch';
/** Longest wait for a file server. */
const PATIENCE_MS = 1_500;

/** @returns only file systems on disks and of file servers, and the root's own */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line): Mount[] => {
    const [device = '', folder = '', type = '', options = ''] = line.split(' ').map(unescaped);
    const isMeant =
      folder === '/' || ((device.startsWith('/dev/') || NETWORK.test(type)) && !SYSTEM_FOLDERS.test(folder));
    return isMeant && folder.startsWith('/') && type !== 'squashfs'
      ? [{ device, folder, type, isReadOnly: options.split(',').some((option) => READ_ONLY.test(option)) }]
      : [];
  });
}

/** Spaces are written as `\040`. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/**
 * Places that could hold recordings, most free space first. One that does not answer is omitted. @param root of the
 * system's files
 */
export async function mountedPlaces(clock: Pick<Clock, 'sleep'>, root = '/'): Promise<readonly MountedPlace[]> {
  const text = await readFile(join(root, 'proc/self/mounts'), 'utf8').catch(() => '/dev/root / unknown rw');
  const over = new AbortController();
  const late = clock.sleep(PATIENCE_MS, over.signal).then(() => undefined);
  const found = await Promise.all(
    parseMounts(text).map((mount) => Promise.race([inspect(mount, root).catch(() => undefined), late])),
  );
  over.abort();
  const byDevice = new Map<number, MountedPlace>();
  for (const place of found) {
    const other = place && byDevice.get(place.id);
    // Mounted more than once, as in containers: the mount nearest to the root is listed.
    if (place && (!other || place.folder.length < other.folder.length)) {
      const { id, ...shown } = place;
      byDevice.set(id, shown);
    }
  }
  return [...byDevice.values()].sort((a, b) => b.freeBytes - a.freeBytes);
}

async function inspect(mount: Mount, root: string): Promise<(MountedPlace & { readonly id: number }) | undefined> {
  const status = await stat(mount.folder);
  const { bsize, blocks, bavail } = await statfs(mount.folder);
  if (!status.isDirectory()) {
    return undefined;
  }
  const isOpen = (await canWrite(mount.folder)) || (await canWrite(join(mount.folder, OWN_FOLDER)));
  return {
    ...mount,
    id: status.dev,
    totalBytes: bsize * blocks,
    freeBytes: bsize * bavail,
    isRemovable: await isRemovable(mount.device, root),
    isNetwork: NETWORK.test(mount.type),
    isWritable: isOpen && !mount.isReadOnly,
  };
}

const canWrite = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );

/** USB disks report themselves as fixed. */
async function isRemovable(device: string, root: string): Promise<boolean> {
  const name = device.replace(/^\/dev\//, '');
  const disk = /^(?:mmcblk|nvme)/.test(name) ? name.replace(/p\d+$/, '') : name.replace(/\d+$/, '');
  const folder = join(root, 'sys/class/block', disk);
  const flag = await readFile(join(folder, 'removable'), 'utf8').catch(() => '');
  const events = await readFile(join(folder, 'device/../../../uevent'), 'utf8').catch(() => '');
  return flag.trim() === '1' || /usb/i.test(events);
}
