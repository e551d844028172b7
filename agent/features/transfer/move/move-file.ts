import { rm, stat, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import { makeFolder, syncFolder } from '../../../base/files/durable-file.ts';
import type { MovedFiles } from '../../../playback/index/moved-files.ts';
import { codeOf } from '../../../record/file/disk-fault.ts';
import { removeCompanions } from '../../../record/snapshots/companion-files.ts';
import { copyCompanions, finishCopy } from '../../../recordings/copy/copy-companions.ts';
import { copyTo, haveSameBytes, type ImportPace, openSource } from '../../../recordings/copy/copy-file.ts';
import { leftOut } from '../../../recordings/copy/left-file.ts';
import { draftIn, placeNew, RECORDINGS_MODE, removeLeftDrafts, tryLink } from '../../../recordings/copy/place-file.ts';

export interface FileMove {
  readonly from: string;
  readonly to: string;
}

interface MoveFileDeps {
  readonly pace: ImportPace;
  readonly playback: {
    readonly moves: Pick<MovedFiles, 'hold' | 'moved'>;
  };
  /** Bytes that stay free on a disk of this size. */
  readonly minFreeBytes: (diskBytes: number) => number;
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Moves a finished recording with its stills. At every moment a complete file exists, and the index refers to an
 * existing file. The original is deleted once the copy is on the disk and was compared with it.
 * @returns false: the original is gone
 * @throws PerchError for a file to leave out, or if nothing can be moved now; an error of the file system
 */
export async function moveFile({ from, to }: FileMove, deps: MoveFileDeps): Promise<boolean> {
  const found = await statOf(from);
  if (!found) {
    return false;
  }
  const there = await statOf(to);
  if (there) {
    await requireSame({ from, to }, found.size === there.size, deps.pace);
  } else {
    await makeFolder(dirname(to), RECORDINGS_MODE);
    const release = deps.playback.moves.hold([to]);
    try {
      if (await tryLink(from, to)) {
        await syncFolder(dirname(to));
      } else {
        await copyFile({ from, to }, deps);
      }
      await switchOver({ from, to }, deps);
    } finally {
      release();
    }
    return true;
  }
  await switchOver({ from, to }, deps);
  return true;
}

/** Completes a move that was interrupted between two steps. */
export async function settleMove({ from, to }: FileMove, deps: MoveFileDeps): Promise<void> {
  const there = await statOf(to);
  if (there) {
    await removeLeftDrafts(dirname(to));
  }
  // A disk without hard links: the copy was about to get this name.
  if (there?.size === 0) {
    await unlink(to);
  } else if (there && (await statOf(from))) {
    await moveFile({ from, to }, deps);
  } else if (there) {
    await removeCompanions(from);
  }
}

async function copyFile({ from, to }: FileMove, { pace, minFreeBytes, onBytes }: MoveFileDeps): Promise<void> {
  const folder = dirname(to);
  const source = await openSource(from);
  const draft = draftIn(folder);
  try {
    const { size, mtimeMs, ino } = await source.stat();
    const { bavail, blocks, bsize } = await statfs(folder);
    // Retention must not delete recordings to make room for the copy.
    if (bavail * bsize < 2 * size + minFreeBytes(blocks * bsize)) {
      const text = `no room in ${folder}: recordMinFree keeps the rest of the disk free; it continues when there is room`;
      throw new PerchError('exhausted', text, { why: 'full' });
    }
    await rm(draft, { force: true });
    await copyTo(source, draft, pace, onBytes);
    await finishCopy(draft, mtimeMs, 0);
    const isSame = await haveSameBytes(from, draft, pace);
    const now = await stat(from);
    if (now.size !== size || now.mtimeMs !== mtimeMs || now.ino !== ino) {
      throw leftOut('busy', 'it changed meanwhile');
    }
    if (!isSame) {
      const text = `the disk of ${folder} gives back other bytes than those of ${from}: check both disks and their cables`;
      throw new PerchError('unavailable', text, { why: 'disk' });
    }
    await copyCompanions(from, to);
    await placeNew(draft, to);
  } finally {
    await source.close();
    await rm(draft, { force: true });
  }
}

/** Makes the index refer to the copy, and deletes the original. Both files are complete and equal. */
async function switchOver({ from, to }: FileMove, { playback }: MoveFileDeps): Promise<void> {
  const release = playback.moves.hold([from, to]);
  try {
    await copyCompanions(from, to);
    playback.moves.moved(from, to, (await stat(to)).mtimeMs);
    await unlink(from);
    await removeCompanions(from);
    // Otherwise a power cut would bring the original back.
    await syncFolder(dirname(from));
  } finally {
    release();
  }
}

async function requireSame({ from, to }: FileMove, isSameSize: boolean, pace: ImportPace): Promise<void> {
  if (!isSameSize || !(await haveSameBytes(from, to, pace))) {
    throw leftOut('taken', 'another recording has its name there');
  }
}

const statOf = (file: string) =>
  stat(file).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  });
