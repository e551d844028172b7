import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PerchError } from '../errors.ts';
import { readFull } from './read-full.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Opens a file to read. Without O_NONBLOCK a FIFO would block a thread of the pool until a program writes to it.
 * @param links whether the name may be a symbolic link: one that the owner has configured
 * @throws PerchError badInput unless it is a regular file, or an error of the file system
 */
export async function openRegularFile(path: string, links: 'links' | 'no links'): Promise<FileHandle> {
  const handle = await open(path, O_RDONLY | O_NONBLOCK | (links === 'links' ? 0 : O_NOFOLLOW));
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

const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO']);

interface ReadFile {
  readonly bytes: Uint8Array;
  readonly mtimeMs: number;
}

/** Reads a small file. @returns undefined if it is absent, larger, a link, or no regular file @throws an error of the file system */
export async function readRegularFile(path: string, maxBytes: number): Promise<ReadFile | undefined> {
  const handle = await openRegularFile(path, 'no links').catch((error: unknown) => {
    // ELOOP: a link; ENXIO: a socket.
    if (error instanceof PerchError || ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) {
      return undefined;
    }
    throw error;
  });
  try {
    const found = await handle?.stat();
    if (!handle || !found || found.size > maxBytes) {
      return undefined;
    }
    const bytes = Buffer.alloc(found.size);
    return { bytes: bytes.subarray(0, await readFull(handle, bytes, 0)), mtimeMs: found.mtimeMs };
  } finally {
    await handle?.close();
  }
}
