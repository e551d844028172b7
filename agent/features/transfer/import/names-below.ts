import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PerchError } from '../../../base/errors.ts';

/** Extensions of videos. Files of containers other than MP4 and MPEG-TS are named, but left out. */
const VIDEO = /\.(?:mp4|ts|avi|mkv|mov|m4v|webm|flv|wmv|asf|mpe?g|m2ts|mts|3gp|dav|h26[45]|26[45])$/i;
const OF_SYSTEM = /^\/(?:proc|sys|dev|run)$/;

interface NamesOptions {
  /** Maximum number of names. */
  readonly max?: number;
  readonly signal?: AbortSignal;
  /** Called for a folder below that cannot be read. */
  readonly onUnread?: (name: string) => void;
}

/** Names of videos below a folder, without links and hidden files. @throws PerchError notFound */
export async function namesBelow(folder: string, options: NamesOptions = {}): Promise<string[]> {
  const names: string[] = [];
  await addNames(folder, '', 0, names, options);
  return names;
}

async function addNames(folder: string, below: string, depth: number, names: string[], options: NamesOptions) {
  const { max = Number.POSITIVE_INFINITY, signal, onUnread } = options;
  signal?.throwIfAborted();
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch((cause: unknown) => {
    if (below !== '') {
      return undefined;
    }
    throw new PerchError('notFound', `cannot read the folder ${folder}`, { folder, why: 'folder' }, cause);
  });
  if (!entries) {
    onUnread?.(below);
    return;
  }
  for (const entry of entries) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    if (names.length >= max) {
      return;
    }
    if (entry.name.startsWith('.')) {
      continue;
    }
    if (entry.isFile() && VIDEO.test(entry.name)) {
      names.push(name);
    } else if (entry.isDirectory() && depth < 32 && entry.name !== 'lost+found') {
      if (!OF_SYSTEM.test(join(folder, name))) {
        await addNames(folder, name, depth + 1, names, options);
      }
    }
  }
}
