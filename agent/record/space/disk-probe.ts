import { constants } from 'node:fs';
import { access, open, readFile, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '../disk-fault.ts';

/** By it a disk is known again, whatever the system calls it this time. */
const MARK_NAME = '.perch-disk';
const MARK = /^[0-9a-f-]{36}$/;
const MAX_MARK_BYTES = 200;

/** On the disk of the system, on that of the data folder, or on one of its own. */
export type DiskPlace = 'system' | 'data' | 'mount';

/** What the file system says of a folder, or of the nearest one above it that is there. */
export interface DiskLook {
  /** `st_dev`. */
  readonly device: number;
  readonly totalBytes: number;
  /** What an ordinary user may still write. */
  readonly freeBytes: number;
  readonly isReadOnly: boolean;
  readonly place: DiskPlace;
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
      const { at, device } = await nearest(folder);
      const { bsize, blocks, bavail } = await statfs(at);
      const system = await nearest('/');
      const data = await nearest(dataDir);
      return {
        device,
        totalBytes: bsize * blocks,
        freeBytes: bsize * bavail,
        isReadOnly: await isReadOnly(at),
        place: device === system.device ? 'system' : device === data.device ? 'data' : 'mount',
        mark: await readMark(folder),
      };
    },
    deviceOf: async (folder) => (await nearest(folder)).device,
    writeMark,
  };
}

async function nearest(folder: string): Promise<{ readonly at: string; readonly device: number }> {
  for (let at = folder; ; at = dirname(at)) {
    try {
      return { at, device: (await stat(at)).dev };
    } catch (error) {
      const isMissing = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
      if (!isMissing || at === dirname(at)) {
        throw error;
      }
    }
  }
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
  const handle = await open(join(folder, MARK_NAME), 'w', 0o644);
  try {
    await handle.writeFile(`${id}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
