import { constants } from 'node:fs';
import { access, open, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../file/disk-fault.ts';
import { nearestFolder } from '../file/segment-fs.ts';

const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
/** Identifies a disk whatever its device name. */
const MARK_NAME = '.perch-disk';
const MARK = /^[0-9a-f-]{36}$/;
/** Codes for folders that Perch may not create. Other errors are faults of the disk; a file in place of a folder is reported per path. */
const NOT_OURS = new Set(['EACCES', 'EPERM']);

/** The system's disk, the data folder's, or a separate one. */
export type DiskPlace = 'system' | 'data' | 'mount';

/** `statfs(2)` types of memory and router flash. */
const NO_DISKS = new Set([
  0x0102_1994, // tmpfs
  0x8584_58f6, // ramfs
  0x794c_7630, // overlayfs
  0x7371_7368, // squashfs
  0x2405_1905, // UBIFS
  0x72b6, // JFFS2
]);
const MOUNTS = '/proc/self/mountinfo';
/** OpenWrt's writable layer. */
const ROOT_OVERLAY = '/overlay';

/** What the file system says about a folder or its nearest existing parent. */
export interface DiskReading {
  /** `st_dev`. */
  readonly device: number;
  readonly totalBytes: number;
  /** Free space for ordinary users. */
  readonly freeBytes: number;
  readonly isReadOnly: boolean;
  /** System code if the folder is missing and cannot be created. */
  readonly cannotMake: string | undefined;
  readonly place: DiskPlace;
  /** False: the system's disk, flash or memory. */
  readonly isOwnDisk: boolean;
  readonly mark: string | undefined;
}

/** Queries disks: those of the box, or those of a test. A promise stays pending while the disk hangs. */
export interface DiskProbe {
  read(folder: string): Promise<DiskReading>;
  deviceOf(folder: string): Promise<number>;
  writeMark(folder: string, id: string): Promise<void>;
}

/** @param dataDir data folder, whose disk is always present */
export function machineDisks(dataDir: string): DiskProbe {
  return {
    read: async (folder) => {
      const { at, device } = await nearestFolder(folder);
      const { bsize, blocks, bavail, type } = await statfs(at);
      const system = await nearestFolder('/');
      const overlay = await nearestFolder(ROOT_OVERLAY);
      const data = await nearestFolder(dataDir);
      return {
        device,
        totalBytes: bsize * blocks,
        freeBytes: bsize * bavail,
        isReadOnly: (await isReadOnly(at)) || hasShutDown(await readFile(MOUNTS, 'utf8').catch(() => ''), device),
        cannotMake: await whyNotMade(folder, at),
        place: device === system.device ? 'system' : device === data.device ? 'data' : 'mount',
        isOwnDisk: ![system.device, overlay.device].includes(device) && !NO_DISKS.has(type),
        mark: await readMark(folder),
      };
    },
    deviceOf: async (folder) => (await nearestFolder(folder)).device,
    writeMark,
  };
}

/** Also for root, for which `access(2)` rejects only a read-only file system. */
async function isReadOnly(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS';
  }
}

/** Not for an existing folder: Perch may be able to write below it. @param at nearest existing parent */
async function whyNotMade(folder: string, at: string): Promise<string | undefined> {
  if (at === folder) {
    return undefined;
  }
  try {
    // The slash makes access(2) fail with ENOTDIR for a file.
    await access(`${at}/`, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return NOT_OURS.has(codeOf(error)) ? codeOf(error) : undefined;
  }
}

async function readMark(folder: string): Promise<string | undefined> {
  try {
    const text = (await readFile(join(folder, MARK_NAME), 'utf8')).slice(0, 200).trim();
    return MARK.test(text) ? text : undefined;
  } catch (error) {
    if (codeOf(error) === 'EIO') {
      throw error;
    }
    return undefined;
  }
}

async function writeMark(folder: string, id: string): Promise<void> {
  // Another user's link must not lead to a file elsewhere.
  const handle = await open(join(folder, MARK_NAME), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644);
  try {
    await handle.writeFile(`${id}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Options of a damaged ext4, mounted writable but writing nothing (Linux 6.18; older kernels mount read-only). */
const SHUT_DOWN = /(?:^|,)(?:emergency_ro|shutdown)(?:,|$)/;

/**
 * Whether a file system has shut itself down, which `access(2)` does not show.
 * @param mountinfo proc(5): `ID PARENT MAJOR:MINOR ROOT FOLDER OPTIONS [FIELDS…] - TYPE SOURCE OPTIONS`
 * @param device `st_dev`
 */
export function hasShutDown(mountinfo: string, device: number): boolean {
  const wanted = `${majorOf(device)}:${minorOf(device)}`;
  return mountinfo.split('\n').some((line) => {
    const [own = '', shared = ''] = line.split(' - ');
    return own.split(' ')[2] === wanted && SHUT_DOWN.test(shared.split(' ')[2] ?? '');
  });
}

/** makedev(3), also beyond 32 bits. */
const majorOf = (device: number): number =>
  Number(((BigInt(device) >> 8n) & 0xfffn) | ((BigInt(device) >> 32n) & 0xfffff000n));
const minorOf = (device: number): number => Number((BigInt(device) & 0xffn) | ((BigInt(device) >> 12n) & 0xffffff00n));
