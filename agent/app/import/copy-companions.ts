import { copyFile, open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../base/files/durable-file.ts';
import { unlessFileFault } from '../../record/file/disk-fault.ts';
import { RECORDING_MODE } from '../../record/file/segment-fs.ts';
import { signatureFileOf } from '../../record/signing/signature-file.ts';
import { snapshotName, snapshotsOf } from '../../record/snapshots/snapshot-files.ts';

/** Snapshots and signatures of a recording, for its copy. */
export async function copyCompanions(file: string, wanted: string): Promise<void> {
  const stills = await snapshotsOf(file);
  for (const [i, still] of stills.entries()) {
    const copy = snapshotName(wanted, i + 1);
    if (!(await stat(copy).catch(() => undefined))) {
      await copyWhole(still.file, copy, still.timeMs);
    }
  }
  const signatures = await stat(signatureFileOf(file)).catch(unlessFileFault);
  if (signatures) {
    await copyWhole(signatureFileOf(file), signatureFileOf(wanted), signatures.mtimeMs);
  }
  if (stills.length > 0 || signatures) {
    await syncFolder(dirname(wanted));
  }
}

async function copyWhole(from: string, to: string, timeMs: number): Promise<void> {
  await copyFile(from, `${to}.part`);
  await finishCopy(`${to}.part`, timeMs, 0);
  await rename(`${to}.part`, to);
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
