import type { Stats } from 'node:fs';
import { link, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import { syncFolder } from '../../base/files/durable-file.ts';
import { codeOf } from '../../record/file/disk-fault.ts';
import { RECORDING_MODE } from '../../record/file/segment-fs.ts';

/** Mode of folders of recordings. */
export const RECORDINGS_MODE = 0o750;
/** A file that changed this recently may still be written. */
export const BUSY_MS = 60_000;
/** Error codes of `link` on file systems without hard links, such as those of USB sticks, and for files on two disks. */
const NO_LINK = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** A draft's file, next to the recording that it becomes. @param number distinguishes drafts that exist at the same time */
export const draftIn = (folder: string, number = 0): string => join(folder, `.import-${process.pid}.${number}.part`);

/** @returns false if the file system cannot link these files */
export async function tryLink(from: string, to: string, linkFile = link): Promise<boolean> {
  try {
    await linkFile(from, to);
    return true;
  } catch (error) {
    if (!NO_LINK.has(codeOf(error) ?? '')) {
      throw error;
    }
    return false;
  }
}

/**
 * Gives a draft its name and never replaces a file. Without hard links an empty file of this call takes the name before
 * the draft replaces it.
 * @throws PerchError if another file has the name
 */
export async function placeNew(draft: string, wanted: string, linkFile = link): Promise<void> {
  try {
    if (await tryLink(draft, wanted, linkFile)) {
      // Flushed with the new name: a draft that a power cut brings back would keep its bytes on the disk.
      await unlink(draft);
    } else {
      await (await open(wanted, 'wx', RECORDING_MODE)).close();
      await rename(draft, wanted).catch(async (error: unknown) => {
        await rm(wanted, { force: true }).catch(() => {});
        throw error;
      });
    }
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      throw new PerchError('badInput', 'a recording with its time appeared meanwhile');
    }
    throw error;
  }
  await syncFolder(dirname(wanted));
}

/** Removes an empty file with which `placeNew` took a name before a power cut. @returns false: the file is no such file */
export async function removeEmpty(file: string, { size, mtimeMs }: Stats, nowMs: number): Promise<boolean> {
  if (size > 0 || Math.abs(nowMs - mtimeMs) < BUSY_MS) {
    return false;
  }
  await unlink(file);
  return true;
}

/** Removes drafts of imports that a power cut ended. */
export async function removeLeftDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid] = /^\.import-(\d+)(?:\.\d+)?\.part$/.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) {
      await rm(join(folder, name), { force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}
