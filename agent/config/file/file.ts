import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, type FileHandle, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import { syncFolder } from '../../base/files/durable-file.ts';
import type { Logger } from '../../base/log.ts';
import { cannotWrite, isForbidden, overwrite } from './in-place.ts';

const MAX_BYTES = 4_194_304;
const OWN_NAME = 'perch.yml';

/** Where the configuration is looked for when the command line names none, in this order. */
export const placesOf = (cwd: string, dataDir: string): readonly string[] => [
  resolve(cwd, OWN_NAME),
  ownFileOf(dataDir),
  '/etc/perch/perch.yml',
];

/**
 * The file of the command line; without one the first file at `placesOf`.
 * @returns an absolute name; undefined when no file is there
 * @throws PerchError notFound when the command line's file does not exist
 */
export async function findFile({
  file,
  cwd,
  dataDir,
}: {
  readonly file?: string;
  readonly cwd: string;
  readonly dataDir: string;
}): Promise<string | undefined> {
  if (file !== undefined) {
    const named = resolve(cwd, file);
    if ((await signatureOf(named)) === undefined) {
      throw new PerchError('notFound', `the configuration file ${file} does not exist`, { file: named });
    }
    return named;
  }
  for (const place of placesOf(cwd, dataDir)) {
    if ((await signatureOf(place)) !== undefined) {
      return place;
    }
  }
  return undefined;
}

/** The file that the first edit makes where there is none. */
export const ownFileOf = (dataDir: string): string => resolve(dataDir, OWN_NAME);

/** The file's name in messages. */
export const configFileName = (file: string | undefined): string => (file === undefined ? OWN_NAME : basename(file));

/** Differs from one version of a file to the next; undefined when there is no file. Follows symbolic links. */
export async function signatureOf(file: string): Promise<string | undefined> {
  const status = await unlessMissing(file, stat(file));
  return status && `${status.ino} ${status.mtimeMs} ${status.ctimeMs} ${status.size}`;
}

/** The file's text; undefined when there is no file. */
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
 * owner stay. A file that is a mount by itself, or is in a folder that cannot be written, is overwritten instead.
 * @param journal for a file that is overwritten: see `overwrite`
 * @throws PerchError unavailable; `isReadOnly` knows those that last until a person changes mount or permissions
 */
export async function writeAtomic(file: string, text: string | Uint8Array, journal?: string): Promise<void> {
  await (await prepareWrite(file, text, journal)).commit();
}

/** A text that is on the disk, next to the file that it will replace; in memory if the file can only be overwritten. */
export interface PreparedWrite {
  /** Replaces the file. Needs no more room on the disk. */
  commit(): Promise<void>;
  drop(): Promise<void>;
}

/** The first half of `writeAtomic`, for files that change together. */
export async function prepareWrite(file: string, text: string | Uint8Array, journal?: string): Promise<PreparedWrite> {
  const failed = (error: unknown) => cannotWrite(file, error);
  await mkdir(dirname(file), { recursive: true }).catch(failed);
  const target = (await unlessMissing(file, realpath(file))) ?? file;
  const before = await unlessMissing(target, stat(target));
  // Always the same name: the next write removes what a power cut has left, passwords included.
  const temporary = join(dirname(target), `.${basename(target)}.tmp`);
  const drop = () => rm(temporary, { force: true });
  const inPlace: PreparedWrite = {
    commit: () => overwrite(target, text, journal),
    drop: async () => {},
  };
  try {
    // A file left by another user cannot be opened.
    await drop();
    await writeSynced(temporary, text, before);
  } catch (error) {
    await drop().catch(() => {});
    if (!before || !isForbidden(error)) {
      return failed(error);
    }
    await (await open(target, 'r+').catch(failed)).close();
    return inPlace;
  }
  const commit = async () => {
    try {
      await rename(temporary, target);
    } catch (error) {
      await drop().catch(() => {});
      return before && (codeOf(error) === 'EBUSY' || isForbidden(error)) ? inPlace.commit() : failed(error);
    }
    await syncFolder(dirname(target));
  };
  return { commit, drop };
}

/** Checks that the file can be written, without writing it. @throws PerchError unavailable */
export async function tryWrite(file: string, text: string): Promise<void> {
  await (await prepareWrite(file, text)).drop();
  await access(file, constants.W_OK).catch(async (error: unknown) => {
    // A file without write permission can be replaced; one that is a mount by itself cannot.
    if (codeOf(error) === 'EROFS' || (isForbidden(error) && (await isMount(file)))) {
      cannotWrite(file, error);
    }
  });
}

async function isMount(file: string): Promise<boolean> {
  const target = await realpath(file);
  return (await stat(target)).dev !== (await stat(dirname(target))).dev;
}

/** Whether a file could not be written because of its mount or permissions, not because the disk is full or failing. */
export const isReadOnly = (error: unknown): error is PerchError =>
  error instanceof PerchError && error.context['isReadOnly'] === true;

/** Path of a file's copy in the data folder. Unless the file is the data folder's own, the name has a hash of its path. */
export function copyOf(file: string, dataDir: string, kind: 'last-good' | 'before' | 'journal'): string {
  const mark = createHash('sha256').update(file).digest('hex').slice(0, 8);
  const isOwn = file === ownFileOf(dataDir);
  return join(dataDir, isOwn ? `${basename(file)}.${kind}` : `${basename(file)}.${mark}.${kind}`);
}

interface Ownership {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

async function writeSynced(file: string, text: string | Uint8Array, before: Ownership | undefined): Promise<void> {
  // It holds camera passwords: a new file is for its owner alone.
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

/** A file that root replaces would become root's. */
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
    throw new PerchError('unavailable', `cannot inspect ${file}`, { file }, error);
  }
}

const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

const READ_BY_OTHERS = 0o004;

/** Whether every user of this box can read it. A file that does not exist will be made for its owner alone. */
export async function isReadByAll(file: string | undefined): Promise<boolean> {
  const status = file === undefined ? undefined : await stat(file).catch(() => undefined);
  return status !== undefined && (status.mode & READ_BY_OTHERS) !== 0;
}

/** Warns once that every user of this box can read a file with passwords. Its mode is the owner's choice, and stays. */
export class OpenFileWarning {
  readonly #log: Logger;
  #wasGiven = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @returns the warning with its remedy; undefined when it was given before */
  warn(file: string): string | undefined {
    if (this.#wasGiven) {
      return undefined;
    }
    this.#wasGiven = true;
    const todo = `chmod 600 '${file.replaceAll("'", "'\\''")}'`;
    this.#log.warn({ file, todo }, 'every user of this box can read the camera passwords in the configuration');
    return `every user of this box can read ${file}, which holds camera passwords: ${todo}`;
  }
}
