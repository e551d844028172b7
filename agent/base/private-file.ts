import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile } from './durable-file.ts';
import { PerchError } from './errors.ts';

const LIMIT_BYTES = 4 << 20;

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
    if (size > LIMIT_BYTES) {
      throw new PerchError('badInput', `${file} has ${size} bytes, at most ${LIMIT_BYTES} are read`, { file });
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
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await replaceFile(file, `${JSON.stringify(value, undefined, 2)}\n`, 0o600);
  } catch (cause) {
    throw new PerchError('unavailable', `cannot write ${file}`, { file }, cause);
  }
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PerchError('badInput', `${file} is not JSON`, { file }, cause);
  }
}
