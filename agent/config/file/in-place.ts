import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile } from '../../base/files/durable-file.ts';

/** Both texts of a file that is being overwritten. */
interface Journal {
  readonly former: Buffer;
  readonly next: Buffer;
}

/**
 * Overwrites a file that cannot be replaced; mode and owner stay. The former text is restored when the write fails half-way, by the
 * journal if power is cut.
 * @param journal absolute name; undefined: the caller repeats the write after a power cut
 */
export async function overwrite(file: string, text: string | Uint8Array, journal: string | undefined): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const [former, next] = [await handle.readFile(), Buffer.from(text)];
    if (journal !== undefined) {
      await mkdir(dirname(journal), { recursive: true });
      await replaceFile(journal, write({ former, next }), 0o600);
    }
    await put(handle, next).catch(async (cause: unknown) => {
      await put(handle, former);
      await forget(journal);
      throw cause;
    });
  } finally {
    await handle.close();
  }
  await forget(journal);
}

/** Restores the former text if a power cut has interrupted `overwrite`. @returns whether it has @throws Error of the disk; the journal stays */
export async function undoInterrupted(file: string, journal: string): Promise<boolean> {
  const texts = parse(await readFile(journal, 'utf8').catch(() => ''));
  const now = texts && (await readFile(file));
  const isPart = texts !== undefined && now !== undefined && isMixed(now, texts);
  if (isPart) {
    const handle = await open(file, 'r+');
    try {
      await put(handle, texts.former);
    } finally {
      await handle.close();
    }
  }
  await forget(journal);
  return isPart;
}

async function put(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at, bytes.length - at, at)).bytesWritten;
  }
  await handle.truncate(bytes.length);
  await handle.sync();
}

const forget = async (journal: string | undefined): Promise<void> =>
  journal === undefined ? undefined : rm(journal, { force: true }).catch(() => {});

/** Whether blocks of both texts make up the file, or blocks without content. A file that an editor has written since is left alone. */
const isMixed = (now: Buffer, { former, next }: Journal): boolean =>
  !now.equals(former) &&
  !now.equals(next) &&
  now.length <= Math.max(former.length, next.length) &&
  now.every((byte, i) => byte === former[i] || byte === next[i] || byte === 0);

const write = ({ former, next }: Journal): string =>
  JSON.stringify({ former: former.toString('base64'), next: next.toString('base64') });

function parse(text: string): Journal | undefined {
  try {
    const { former, next } = JSON.parse(text) as Record<keyof Journal, string>;
    return { former: Buffer.from(former, 'base64'), next: Buffer.from(next, 'base64') };
  } catch {
    return undefined;
  }
}
