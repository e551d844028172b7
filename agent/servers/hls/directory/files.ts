import { open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Names that muxers give: twelve hex digits that are new each time, rendition, kind and number. */
const MEDIA = /^[0-9a-f]{12}_(?:main|(?:video|audio)\d+)_(?:init\d*|seg\d+)\.(?:mp4|ts)$/;
const PLAYLIST = /^(?:index|(?:main|(?:video|audio)\d+)_stream)\.m3u8$/;
/** What was being written when the program ended. */
const TEMPORARY = /\.perch-part$/;
/** Far more than a playlist of ours has. */
const MAX_PLAYLIST_BYTES = 1 << 20;

/** Writes a file that is there as a whole or not at all. */
export async function writeWhole(folder: string, name: string, pieces: readonly Uint8Array[]): Promise<void> {
  const temporary = join(folder, `${name}.perch-part`);
  try {
    const file = await open(temporary, 'w');
    try {
      // One by one: a vectored write may end in the middle.
      for (const piece of pieces) {
        await file.writeFile(piece);
      }
    } finally {
      await file.close();
    }
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

export const removeFile = (folder: string, name: string): Promise<void> => rm(join(folder, name), { force: true });

/** What an earlier run has left in the folder; files of others stay. */
export async function removeOurs(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (MEDIA.test(name) || isTemporary(name) || (PLAYLIST.test(name) && (await isOurPlaylist(join(folder, name))))) {
      await removeFile(folder, name);
    }
  }
}

const isTemporary = (name: string): boolean => {
  const whole = name.replace(TEMPORARY, '');
  return whole !== name && (MEDIA.test(whole) || PLAYLIST.test(whole));
};

/** One that names nothing but files of ours. */
async function isOurPlaylist(file: string): Promise<boolean> {
  const { size } = await stat(file);
  if (size > MAX_PLAYLIST_BYTES) {
    return false;
  }
  const lines = (await readFile(file, 'latin1')).split('\n');
  const names = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return lines[0] === '#EXTM3U' && names.every((name) => MEDIA.test(name) || PLAYLIST.test(name));
}

/** The folder and those above it as far as they are empty; the root stays. */
export async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let at = folder; at !== root && at.startsWith(root); at = dirname(at)) {
    try {
      await rmdir(at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') {
        continue;
      }
      if (code === 'ENOTEMPTY' || code === 'EEXIST') {
        return;
      }
      throw error;
    }
  }
}
