import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** With the number of the process that works in it. */
const STAGE = /^\.perch-packages-(\d+)$/;
/** What programs leave in their temporary folder goes with the stage. */
const TEMPORARY = 'tmp';

/**
 * Has files made in a folder beside their place, and puts them there when all are whole. The folder goes in any case; after a
 * `kill -9` the next call takes it away.
 * @param make puts the files into the folder that it is given
 */
export async function makeWhole(folder: string, make: (stage: string) => Promise<void>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const pid = STAGE.exec(name)?.[1];
    // Another one with this number, as in a container each may have, is no more.
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
