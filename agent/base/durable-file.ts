import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** File systems that cannot flush a folder say so with these. */
const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EISDIR', 'EBADF', 'EPERM', 'EACCES']);

/** After a power cut either the former text or this one is there, whole. @param mode of a new file: who may read it */
export async function replaceFile(file: string, text: string, mode = 0o644): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, 'w', mode);
  try {
    // A draft that a crash has left keeps its own mode.
    await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  await syncFolder(dirname(file));
}

/** Makes the names in a folder survive a power cut, where the file system can. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!NO_FOLDER_SYNC.has((error as NodeJS.ErrnoException).code ?? '')) {
      throw error;
    }
  }
}
