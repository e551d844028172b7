import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './disk-fault.ts';
import type { RecordingName, RecordPathPattern } from './record-path.ts';

/** Names that are handled before the event loop gets a turn. */
const NAMES_PER_TURN = 2_000;

export interface FoundRecording extends RecordingName {
  readonly file: string;
}

interface RecordingVisitor {
  /** Called before the folder is read; not for missing folders. */
  onFolder?(folder: string): void | Promise<void>;
  onRecording(recording: FoundRecording): void;
}

/**
 * Visits matching files without following links. Missing folders count as empty, as do unreadable ones below the common
 * folder: disks have system folders (`lost+found`).
 */
export async function findRecordings(pattern: RecordPathPattern, visitor: RecordingVisitor): Promise<void> {
  await visit(pattern, visitor, pattern.folder, 1);
}

async function visit(
  pattern: RecordPathPattern,
  visitor: RecordingVisitor,
  folder: string,
  level: number,
): Promise<void> {
  await visitor.onFolder?.(folder);
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const code = codeOf(error);
    const isPrivate = level > 1 && (code === 'EACCES' || code === 'EPERM');
    if (code === 'ENOENT' || code === 'ENOTDIR' || isPrivate) {
      return;
    }
    throw error;
  }
  for (const [i, entry] of entries.entries()) {
    const file = join(folder, entry.name);
    if (entry.isDirectory() && pattern.canHold(entry.name, level)) {
      await visit(pattern, visitor, file, level + 1);
    } else if (entry.isFile()) {
      const name = pattern.match(file);
      if (name) {
        visitor.onRecording({ ...name, file });
      }
    }
    if ((i + 1) % NAMES_PER_TURN === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
