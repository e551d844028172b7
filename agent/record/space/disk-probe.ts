import { constants } from 'node:fs';
import { access, open, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../file/disk-fault.ts';
import { nearestFolder } from '../file/nearest-folder.ts';

const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
/** By it a disk is known again, whatever the system calls it this time. */
const MARK_NAME = '.perch-disk';
const MARK = /^[0-9a-f-]{36}$/;
const MAX_MARK_BYTES = 200;
/** Why a folder is not ours to make. Other reasons are the disk's own; of a file in its way each path tells by itself. */
const NOT_OURS = new Set(['EACCES', 'EPERM']);

/** On the disk of the system, on that of the data folder, or on one of its own. */
export type DiskPlace = 'system' | 'data' | 'mount';

/** `statfs(2)`: what lies in memory, and what a router's flash has instead of a disk. */
const NO_DISKS = new Set([
  0x0102_1994, // tmpfs
  0x8584_58f6, // ramfs
  0x794c_7630, // overlayfs
  0x7371_7368, // squashfs
  0x2405_1905, // UBIFS
  0x72b6, // JFFS2
]);
const MOUNTS = '/proc/self/mountinfo';
/** Where OpenWrt has what it writes of its root. */
const ROOT_OVERLAY = '/overlay';

/** What the file system says of a folder, or of the nearest one above it that is there. */
export interface DiskLook {
  /** `st_dev`. */
  readonly device: number;
  readonly totalBytes: number;
  /** What an ordinary user may still write. */
  readonly freeBytes: number;
  readonly isReadOnly: boolean;
  /** The folder is not there, and nobody lets us make it: the system's code of why. */
  readonly cannotMake: string | undefined;
  readonly place: DiskPlace;
  /** False: it is the system's disk, flash that is none, or memory. */
  readonly isOwnDisk: boolean;
  /** The id that Perch has left there. */
  readonly mark: string | undefined;
}

/** The facts of disks; of a test, or the machine's own. A hanging disk leaves its answer open for as long as it hangs. */
export interface DiskProbe {
  look(folder: string): Promise<DiskLook>;
  /** `st_dev` alone. */
  deviceOf(folder: string): Promise<number>;
  writeMark(folder: string, id: string): Promise<void>;
}

/** @param dataDir its disk is there whatever else is not */
export function machineDisks(dataDir: string): DiskProbe {
  return {
    look: async (folder) => {
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

/** Also the superuser is told that a file system takes no writes. */
async function isReadOnly(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS';
  }
}

/**
 * Not of a folder that is there: where Perch may not write in it, it may well below.
 * @param at the nearest that is there
 */
async function whyNotMade(folder: string, at: string): Promise<string | undefined> {
  if (at === folder) {
    return undefined;
  }
  try {
    // A file is no folder (ENOTDIR), whoever may write it.
    await access(`${at}/`, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return NOT_OURS.has(codeOf(error)) ? codeOf(error) : undefined;
  }
}

async function readMark(folder: string): Promise<string | undefined> {
  try {
    const text = (await readFile(join(folder, MARK_NAME), 'utf8')).slice(0, MAX_MARK_BYTES).trim();
    return MARK.test(text) ? text : undefined;
  } catch (error) {
    if (codeOf(error) === 'EIO') {
      throw error;
    }
    return undefined;
  }
}

async function writeMark(folder: string, id: string): Promise<void> {
  // Who else may write there must not lead us to a file elsewhere.
  const handle = await open(join(folder, MARK_NAME), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644);
  try {
    await handle.writeFile(`${id}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What ext4 says of itself when it has found damage (seen with Linux 6.18; older ones mount it read-only): it is mounted writable still, and writes nothing. */
const SHUT_DOWN = /(?:^|,)(?:emergency_ro|shutdown)(?:,|$)/;

/**
 * Whether the file system on a device has given itself up, which `access(2)` does not tell.
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

/** makedev(3), of numbers beyond 32 bits too. */
const majorOf = (device: number): number =>
  Number(((BigInt(device) >> 8n) & 0xfffn) | ((BigInt(device) >> 32n) & 0xfffff000n));
const minorOf = (device: number): number => Number((BigInt(device) & 0xffn) | ((BigInt(device) >> 12n) & 0xffffff00n));
