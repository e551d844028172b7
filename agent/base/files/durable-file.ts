import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PerchError } from '../errors.ts';

/** Errors of file systems that cannot sync a folder. */
const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EISDIR', 'EBADF', 'EPERM', 'EACCES']);

/** After a power cut the file has either the old or the new text. @param mode of a new file */
export async function replaceFile(file: string, text: string, mode = 0o644): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, 'w', mode);
  try {
    // A draft left by a crash keeps its own mode.
    await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  await syncFolder(dirname(file));
}

/** Makes the names in a folder survive a power cut, if the file system can. */
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

/** Makes a folder whose name, and those of its parents, survive a power cut. */
export async function makeFolder(folder: string, mode: number): Promise<void> {
  const firstMade = await mkdir(folder, { recursive: true, mode });
  for (let at = folder; firstMade !== undefined && at.length >= firstMade.length; at = dirname(at)) {
    await syncFolder(dirname(at));
  }
}

const MAX_PRIVATE_BYTES = 16 << 20;

/** The JSON of a file; undefined if it does not exist. @throws PerchError badInput for damaged JSON */
export async function loadPrivate(file: string): Promise<unknown> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return undefined;
    }
    throw new PerchError('unavailable', `cannot read ${file}`, { file }, error);
  });
  if (!handle) {
    return undefined;
  }
  try {
    const { size } = await handle.stat();
    if (size > MAX_PRIVATE_BYTES) {
      throw new PerchError('badInput', `${file} has ${size} bytes, at most ${MAX_PRIVATE_BYTES} are read`, { file });
    }
    return parse(await handle.readFile('utf8'), file);
  } catch (error) {
    // A folder of that name, or a card with bad blocks.
    throw error instanceof PerchError ? error : new PerchError('unavailable', `cannot read ${file}`, { file }, error);
  } finally {
    await handle.close();
  }
}

/** Writes a file readable only by its owner; after a power cut it is either old or new. */
export async function savePrivate(file: string, value: unknown): Promise<void> {
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  const size = Buffer.byteLength(text);
  if (size > MAX_PRIVATE_BYTES) {
    throw new PerchError('badInput', `${file} would have ${size} bytes, at most ${MAX_PRIVATE_BYTES} are read`, {
      file,
    });
  }
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await replaceFile(file, text, 0o600);
  } catch (cause) {
    throw new PerchError('unavailable', `cannot write ${file}`, { file }, cause);
  }
}

/** Renames a damaged file, so that the next save does not overwrite it. @throws PerchError unavailable */
export async function putAside(file: string): Promise<string> {
  const aside = `${file}.damaged`;
  await rename(file, aside).catch((cause: unknown) => {
    throw new PerchError('unavailable', `cannot rename ${file}`, { file }, cause);
  });
  return aside;
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PerchError('badInput', `${file} is not JSON`, { file }, cause);
  }
}
