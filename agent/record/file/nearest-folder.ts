import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from './disk-fault.ts';

/** A folder, or its nearest existing parent, and its disk (`st_dev`). */
export async function nearestFolder(folder: string): Promise<{ readonly at: string; readonly device: number }> {
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
