import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Contains the id of the process that works in it. */
const STAGE = /^\.perch-packages-(\d+)$/;
/** Temporary folder of programs, deleted with the stage. */
const TEMPORARY = 'tmp';

/**
 * Creates files in a folder next to their destination, and moves them there when all are complete. The folder is always
 * deleted; after `kill -9` by the next call.
 * @param make puts the files into the given folder
 */
export async function makeWhole(folder: string, make: (stage: string) => Promise<void>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const pid = STAGE.exec(name)?.[1];
    // In containers another process may have had the same id.
    if (pid !== undefined && (Number(pid) === process.pid || !isRunning(Number(pid)))) {
      await rm(join(folder, name), { recursive: true });
    }
  }
  const stage = join(resolve(folder), `.perch-packages-${process.pid}`);
  await mkdir(join(stage, TEMPORARY), { recursive: true });
  process.env['TMPDIR'] = join(stage, TEMPORARY);
  try {
    await make(stage);
    for (const name of (await readdir(stage)).filter((one) => one !== TEMPORARY)) {
      await rename(join(stage, name), join(folder, name));
    }
  } finally {
    await rm(stage, { recursive: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Runs `work` with an empty folder that exists until it ends. */
export async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'perch-packages-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
