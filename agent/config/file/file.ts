import { constants } from 'node:fs';
import { access, type FileHandle, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { syncFolder } from '../../base/durable-file.ts';
import { PerchError } from '../../base/errors.ts';

/** Larger is no configuration; the parser has its own limit in characters. */
const MAX_BYTES = 4_194_304;
const OWN_NAME = 'perch.yml';

/** Where the configuration is looked for when the command line names none, in this order. */
export const placesOf = (cwd: string, dataDir: string): readonly string[] => [
  resolve(cwd, OWN_NAME),
  ownFileOf(dataDir),
  '/etc/perch/perch.yml',
];

/** The file that Perch makes when something is saved and there is none. */
export const ownFileOf = (dataDir: string): string => resolve(dataDir, OWN_NAME);

/** What messages call the file. */
export const nameOf = (file: string | undefined): string => (file === undefined ? OWN_NAME : basename(file));

/** What tells one version of a file from the next without reading it; nothing when there is no file. Follows symbolic links. */
export async function signatureOf(file: string): Promise<string | undefined> {
  const status = await unlessMissing(file, stat(file));
  return status && `${status.ino} ${status.mtimeMs} ${status.ctimeMs} ${status.size}`;
}

/** The file's text; nothing when there is no file. */
export async function readConfigFile(file: string): Promise<string | undefined> {
  try {
    const status = await stat(file);
    if (!status.isFile()) {
      throw new PerchError('badInput', `${file} is not a file`);
    }
    if (status.size > MAX_BYTES) {
      throw new PerchError('badInput', `${file} has ${status.size} bytes, the limit is ${MAX_BYTES}`);
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof PerchError) {
      throw error;
    }
    if (isMissing(error)) {
      return undefined;
    }
    throw new PerchError('unavailable', `cannot read ${file}`, { file }, error);
  }
}

/**
 * Replaces a file so that a power cut leaves the old or the new text, never a part. A symbolic link stays one; mode and
 * owner stay. A file of its own in a container's mount cannot be replaced: it is written in place.
 */
export async function writeAtomic(file: string, text: string | Uint8Array): Promise<void> {
  await (await prepareWrite(file, text)).commit();
}

/** A text that lies beside its file, on the disk for good. */
export interface PreparedWrite {
  /** Takes the file's place, for which no more room is needed. */
  commit(): Promise<void>;
  drop(): Promise<void>;
}

/** The first half of `writeAtomic`, for files that change together. */
export async function prepareWrite(file: string, text: string | Uint8Array): Promise<PreparedWrite> {
  await mkdir(dirname(file), { recursive: true }).catch((error: unknown) => cannotWrite(file, error));
  const target = (await unlessMissing(file, realpath(file))) ?? file;
  const before = await unlessMissing(target, stat(target));
  // One name for all starts: what a power cut leaves, passwords and all, is gone with the next write.
  const temporary = join(dirname(target), `.${basename(target)}.tmp`);
  const drop = () => rm(temporary, { force: true });
  const failed = async (error: unknown) => {
    await drop().catch(() => {});
    cannotWrite(file, error);
  };
  // One that another user has left cannot be opened.
  await drop()
    .then(() => writeSynced(temporary, text, before))
    .catch(failed);
  const commit = async () => {
    await rename(temporary, target).catch(async (error: unknown) => {
      if (codeOf(error) !== 'EBUSY') {
        return failed(error);
      }
      await drop();
      await writeInPlace(target, text, before);
    });
    await syncFolder(dirname(target));
  };
  return { commit, drop };
}

/** What fails half-way is taken back, as far as the disk lets it. */
async function writeInPlace(target: string, text: string | Uint8Array, before: Ownership | undefined): Promise<void> {
  const former = await readFile(target);
  try {
    await writeSynced(target, text, before);
  } catch (cause) {
    await writeSynced(target, former, before).catch(() => {});
    cannotWrite(target, cause);
  }
}

/** Whether it can be written, as far as that shows without doing it. @throws PerchError unavailable */
export async function tryWrite(file: string, text: string): Promise<void> {
  await (await prepareWrite(file, text)).drop();
  await access(file, constants.W_OK).catch((error: unknown) => {
    // A file without the right to write is replaced; one that is mounted read-only is not.
    if (codeOf(error) === 'EROFS') {
      cannotWrite(file, error);
    }
  });
}

function cannotWrite(file: string, cause: unknown): never {
  throw new PerchError('unavailable', `cannot write ${file}`, { file, why: 'notWritten' }, cause);
}

interface Ownership {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

async function writeSynced(file: string, text: string | Uint8Array, before: Ownership | undefined): Promise<void> {
  // Passwords of cameras stand in it: a new file is for its owner alone.
  const mode = before ? before.mode & 0o777 : 0o600;
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, mode);
  try {
    await handle.chmod(mode);
    await keepOwner(handle, before);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Only root can give files away, and only root takes them by writing. */
async function keepOwner(handle: FileHandle, before: Ownership | undefined): Promise<void> {
  if (before && process.getuid?.() === 0 && before.uid !== 0) {
    await handle.chown(before.uid, before.gid);
  }
}

async function unlessMissing<T>(file: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw new PerchError('unavailable', `cannot look at ${file}`, { file }, error);
  }
}

const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;
