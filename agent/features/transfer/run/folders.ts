import { access, constants, readdir, realpath, statfs } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import type { FolderList } from './requests.ts';

const MAX_FOLDERS = 500;
/** Folders of the system that hold no disks. */
const OF_SYSTEM = /^\/(?:proc|sys|dev|run\/(?!media(?:\/|$)|mount(?:\/|$)))(?:\/|$)/;

/** The folder without links. @throws PerchError badInput, notFound */
export async function requireOwnFolder(path: string): Promise<string> {
  if (!isAbsolute(path) || path.includes('\0') || path.includes('%')) {
    throw new PerchError('badInput', 'the folder is no absolute path, or has a % in its name');
  }
  const real = await realpath(path).catch((cause: unknown) => {
    throw new PerchError('notFound', `there is no folder ${path.slice(0, 240)}`, { why: 'folder' }, cause);
  });
  if (OF_SYSTEM.test(real)) {
    throw new PerchError('badInput', `${real} belongs to the system and is on no disk`);
  }
  return real;
}

/** The folders in a folder, for a person to choose from. Links are left out: they may lead anywhere. */
export async function listFolders(path: string): Promise<FolderList> {
  const real = await requireOwnFolder(path);
  const entries = await readdir(real, { withFileTypes: true }).catch((cause: unknown) => {
    throw new PerchError('notFound', `cannot read the folder ${real}`, { why: 'folder' }, cause);
  });
  const names = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !OF_SYSTEM.test(join(real, entry.name)))
    .map(({ name }) => name)
    .sort();
  const { bavail, blocks, bsize } = await statfs(real);
  return {
    path: real,
    parent: real === '/' ? null : dirname(real),
    items: names.slice(0, MAX_FOLDERS).map((name) => ({ name, path: join(real, name) })),
    isCut: names.length > MAX_FOLDERS,
    freeBytes: bavail * bsize,
    totalBytes: blocks * bsize,
    writable: await access(real, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    ),
  };
}
