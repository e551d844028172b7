import { readFile } from 'node:fs/promises';
import { PerchError } from '../base/errors.ts';

/** The file's text; undefined if it does not exist. */
export async function readWhole(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw new PerchError('unavailable', `cannot read ${file}`, { file }, cause);
  }
}
