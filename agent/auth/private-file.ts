import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PerchError } from '../base/errors.ts';

const LIMIT_BYTES = 4 << 20;

/** The JSON in `file`, or undefined when there is no such file. Damaged JSON is a PerchError: the caller decides what it means. */
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
    if (size > LIMIT_BYTES) {
      throw new PerchError('badInput', `${file} has ${size} bytes, at most ${LIMIT_BYTES} are read`, { file });
    }
    return parse(await handle.readFile('utf8'), file);
  } finally {
    await handle.close();
  }
}

/** Writes `value` so that after a power cut either the old or the new file is there whole, readable by its owner alone. */
export async function savePrivate(file: string, value: unknown): Promise<void> {
  const temporary = `${file}.new`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(temporary, 'w', 0o600);
    try {
      // A temporary file left over from a crash keeps its own mode.
      await handle.chmod(0o600);
      await handle.writeFile(`${JSON.stringify(value, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(dirname(file));
  } catch (cause) {
    throw new PerchError('unavailable', `cannot write ${file}`, { file }, cause);
  }
}

/** The rename itself must reach the disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PerchError('badInput', `${file} is not JSON`, { file }, cause);
  }
}
