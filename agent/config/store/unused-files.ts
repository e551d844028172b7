import { opendir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Logger } from '../../base/log.ts';
import { ownFileOf } from '../file/file.ts';
import type { Config } from '../load/load.ts';

interface Place {
  /** Named on the command line. */
  readonly file?: string;
  readonly cwd: string;
  readonly dataDir: string;
  readonly log: Logger;
}

/** The configuration in force. */
interface InForce {
  /** Absolute; undefined without a file. */
  readonly file: string | undefined;
  readonly current: Config;
}

const FILE = 'mediamtx.yml';
const FOLDER = 'recordings';
const TEMPLATE = '%path/%Y-%m-%d_%H-%M-%S-%f';
const MAX_NAMES = 1_000;

/** Warns of what is not used: configuration and recordings of MediaMTX in the working directory, and the good version of a file that is gone. */
export async function warnOfUnused(
  { file, current }: InForce,
  { file: named, cwd, dataDir, log }: Place,
): Promise<void> {
  const own = ownFileOf(resolve(cwd, dataDir));
  const copy = `${own}.last-good`;
  if (file === undefined && (await isFile(copy))) {
    const todo = `to go on with it, copy it to ${own}, and restart`;
    log.warn({ file: copy, todo }, 'there is no configuration file, and its last good version is not used');
  }
  const unused = resolve(cwd, FILE);
  if (named === undefined && file !== resolve(cwd, 'perch.yml') && (await isFile(unused))) {
    const todo = `start Perch with ${FILE} as argument, or rename it to perch.yml`;
    log.warn({ file: unused, todo }, 'the configuration of MediaMTX in this folder is not used');
  }
  const folder = resolve(cwd, FOLDER);
  const usual = join(resolve(cwd, dataDir), FOLDER);
  if (!current.isOwn && folder !== usual && recordsOnlyIn(usual, current) && (await hasRecordings(folder))) {
    const todo = `set pathDefaults.recordPath to ${join(folder, TEMPLATE)}`;
    log.warn({ folder, used: usual, todo }, 'the recordings of MediaMTX in this folder are not used');
  }
}

/** Whether no path has a `recordPath` of its own. */
function recordsOnlyIn(folder: string, { pathDefaults, paths }: Config): boolean {
  const settings = [pathDefaults, ...[...paths.values()].flatMap((entry) => entry.settings ?? [])];
  return settings.every(({ recordPath }) => recordPath === join(folder, TEMPLATE));
}

const isFile = (name: string): Promise<boolean> =>
  stat(name).then(
    (status) => status.isFile(),
    () => false,
  );

/** Whether a segment of MP4 is among the first names. A folder that cannot be read has none. */
async function hasRecordings(folder: string): Promise<boolean> {
  let count = 0;
  try {
    for await (const { name } of await opendir(folder, { recursive: true })) {
      count += 1;
      if (name.endsWith('.mp4') || count === MAX_NAMES) {
        return name.endsWith('.mp4');
      }
    }
  } catch {}
  return false;
}
