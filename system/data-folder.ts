import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { PerchError } from '../agent/base/errors.ts';
import { sqlite } from '../agent/base/files/sqlite.ts';

/** The folder of all of Perch's own files, locked by one process at a time. */
interface DataFolder {
  readonly path: string;
  /** Its disk is mounted read-only: nothing is saved, and recordings in it are only played. */
  readonly isReadOnly?: true;
  release(): void;
}

/** References keep the garbage collector from closing, and so releasing, a lock. */
const locks = new Set<DatabaseSync>();

/**
 * Creates the folder if it is missing, and locks it for this process with SQLite's exclusive lock on a file in it,
 * which the kernel frees when the process dies.
 * @param mayBeReadOnly true: on a disk that is mounted read-only there is no lock
 * @throws PerchError `unavailable` if another Perch holds it or it cannot be written
 */
export function holdDataFolder(folder: string, mayBeReadOnly = false): DataFolder {
  const path = resolve(folder);
  try {
    mkdirSync(path, { recursive: true, mode: 0o750 });
  } catch (cause) {
    throw new PerchError('unavailable', `the data folder ${path} cannot be created`, { folder: path }, cause);
  }
  if (isReadOnly(path)) {
    if (mayBeReadOnly) {
      return { path, isReadOnly: true, release: () => {} };
    }
    throw new PerchError('unavailable', `the data folder ${path} is on a disk that is mounted read-only`, {
      folder: path,
    });
  }
  const holder = join(path, 'perch.pid');
  let lock: DatabaseSync | undefined;
  try {
    lock = new (sqlite().DatabaseSync)(join(path, 'lock.db'));
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    lock?.close();
    if (!lock || !/locked|busy/i.test((cause as Error).message)) {
      throw new PerchError('unavailable', `the data folder ${path} cannot be written`, { folder: path }, cause);
    }
    const advice = 'stop it (where it is a service: systemctl stop perch), or choose another folder with --data DIR';
    const text = `the data folder ${path} is in use by another Perch${pidOf(holder)}: ${advice}`;
    throw new PerchError('unavailable', text, { folder: path, isHeld: true });
  }
  locks.add(lock);
  try {
    writeFileSync(holder, `${process.pid}\n`);
  } catch {
    // On a full disk Perch starts without it, and deletes the oldest recordings.
  }
  const release = () => {
    rmSync(holder, { force: true });
    lock.close();
    locks.delete(lock);
  };
  return { path, release };
}

/** Whether the folder is on a disk that is mounted read-only. */
function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS';
  }
}

const OF_PACKAGE = '/var/lib/perch';

/** For commands that leave something for Perch, which reads it in its own folder only. @throws PerchError notFound if the folder does not exist */
export function needsDataFolder(folder: string, ofPackage = OF_PACKAGE): void {
  const path = resolve(folder);
  if (!existsSync(path)) {
    const other = path !== ofPackage && existsSync(ofPackage) ? `, such as ${ofPackage}` : '';
    const advice = `name the data folder of this Perch with --data DIR${other}, or start Perch there first`;
    throw new PerchError('notFound', `the data folder ${path} does not exist: ${advice}`);
  }
}

/** For commands that root runs: their files must belong to the user of the service. */
export function becomeOwnerOf(folder: string): void {
  const owner = statSync(folder, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0 && process.getuid?.() === 0) {
    process.setgroups?.([owner.gid]);
    process.setgid?.(owner.gid);
    process.setuid?.(owner.uid);
  }
}

function pidOf(holder: string): string {
  try {
    const pid = readFileSync(holder, 'utf8').trim();
    return pid && ` (process ${pid})`;
  } catch {
    return '';
  }
}
