import { copyFile, open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../base/files/durable-file.ts';
import { RECORDING_MODE } from '../../record/file/segment-fs.ts';
import { snapshotName, snapshotsOf } from '../../record/snapshots/snapshot-files.ts';

/** Those of a recording, for its copy. */
export async function copyStills(file: string, wanted: string): Promise<void> {
  const stills = await snapshotsOf(file);
  for (const [i, still] of stills.entries()) {
    const copy = snapshotName(wanted, i + 1);
    if (!(await stat(copy).catch(() => undefined))) {
      await copyFile(still.file, `${copy}.part`);
      await finishCopy(`${copy}.part`, still.timeMs, 0);
      await rename(`${copy}.part`, copy);
    }
  }
  if (stills.length > 0) {
    await syncFolder(dirname(wanted));
  }
}

/** Flushes a copy. @param startMs,durationMs its times */
export async function finishCopy(file: string, startMs: number, durationMs: number): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.chmod(RECORDING_MODE);
    await handle.utimes(startMs / 1000, (startMs + durationMs) / 1000);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
