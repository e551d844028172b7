import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import { replaceFile, syncFolder } from '../../base/files/durable-file.ts';

/** Both texts of a file that is being overwritten. */
interface Journal {
  readonly former: Buffer;
  readonly next: Buffer;
}

/** Errors of mounts and permissions, which last until a person changes them. */
const FORBIDDEN = new Set<unknown>(['EROFS', 'EACCES', 'EPERM']);

export const isForbidden = (error: unknown): boolean => FORBIDDEN.has((error as { code?: unknown }).code);

/** @param file that could not be written @throws PerchError unavailable, with `isReadOnly` for mounts and permissions */
export function cannotWrite(file: string, cause: unknown): never {
  if (cause instanceof PerchError) {
    throw cause;
  }
  const context = { file, why: 'notWritten', ...(isForbidden(cause) && { isReadOnly: true }) };
  throw new PerchError('unavailable', `cannot write ${file}`, context, cause);
}

/**
 * Overwrites a file that cannot be replaced; mode and owner stay. The former text is restored when the write fails half-way, by the
 * journal if power is cut. An earlier write that was interrupted is undone first.
 * @param journal absolute name, or undefined if the caller repeats the write after a power cut
 * @throws PerchError unavailable, which names the file or the journal
 */
export async function overwrite(file: string, text: string | Uint8Array, journal: string | undefined): Promise<void> {
  const failed = (cause: unknown) => cannotWrite(file, cause);
  if (journal !== undefined) {
    await undoInterrupted(file, journal).catch(failed);
  }
  const handle = await open(file, 'r+').catch(failed);
  try {
    const [former, next] = [await handle.readFile(), Buffer.from(text)];
    if (journal !== undefined) {
      await keep(journal, { former, next }).catch((cause: unknown) => cannotWrite(journal, cause));
    }
    await put(handle, next).catch(async (cause: unknown) => {
      // Unless that fails, too: then the journal stays.
      await put(handle, former).then(
        () => forget(journal),
        () => {},
      );
      throw cause;
    });
  } catch (cause) {
    failed(cause);
  } finally {
    await handle.close();
  }
  await forget(journal);
}

/** Restores the former text if a power cut has interrupted `overwrite`. @returns whether it has @throws Error of the disk; the journal stays */
export async function undoInterrupted(file: string, journal: string): Promise<boolean> {
  const former = await interruptedText(file, journal);
  if (former !== undefined) {
    const handle = await open(file, 'r+');
    try {
      await put(handle, former);
    } finally {
      await handle.close();
    }
  }
  await forget(journal);
  return former !== undefined;
}

/** The former text of a file whose write was interrupted, or undefined if the file is whole. */
export async function interruptedText(file: string, journal: string): Promise<Buffer | undefined> {
  const texts = parse(await readFile(journal, 'utf8').catch(() => ''));
  return texts && isMixed(await readFile(file), texts) ? texts.former : undefined;
}

async function keep(journal: string, texts: Journal): Promise<void> {
  await mkdir(dirname(journal), { recursive: true });
  await replaceFile(journal, write(texts), 0o600);
}

async function put(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at, bytes.length - at, at)).bytesWritten;
  }
  await handle.truncate(bytes.length);
  await handle.sync();
}

/** Synced: a journal that comes back after a power cut might match what an editor has written by then. */
async function forget(journal: string | undefined): Promise<void> {
  if (journal !== undefined) {
    await rm(journal, { force: true })
      .then(() => syncFolder(dirname(journal)))
      .catch(() => {});
  }
}

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
