import { open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Muxers' file names: twelve random hex digits, rendition, kind and number. */
const MEDIA = /^[0-9a-f]{12}_(?:main|(?:video|audio)\d+)_(?:init\d*|seg\d+)\.(?:mp4|ts)$/;
const PLAYLIST = /^(?:index|(?:main|(?:video|audio)\d+)_stream)\.m3u8$/;
/** Left behind if the program ends during a write. */
const TEMPORARY = /\.perch-part$/;

/** Writes a file atomically. */
export async function writeWhole(folder: string, name: string, pieces: readonly Uint8Array[]): Promise<void> {
  const temporary = join(folder, `${name}.perch-part`);
  try {
    const file = await open(temporary, 'w');
    try {
      // A vectored write may be partial.
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

/** Removes files of an earlier run; others stay. */
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

/** Whether the playlist names only our files. */
async function isOurPlaylist(file: string): Promise<boolean> {
  const { size } = await stat(file);
  // Far above the size of our playlists.
  if (size > 1 << 20) {
    return false;
  }
  const lines = (await readFile(file, 'latin1')).split('\n');
  const names = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return lines[0] === '#EXTM3U' && names.every((name) => MEDIA.test(name) || PLAYLIST.test(name));
}

/** Removes the folder and its empty parents below the root. */
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
