import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PerchError } from '../errors.ts';

/**
 * Opens a file to read. Without O_NONBLOCK a FIFO would block a thread of the pool until a program writes to it.
 * @throws PerchError badInput unless it is a regular file, or an error of the file system
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) {
      throw new PerchError('badInput', 'it is not a regular file');
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
