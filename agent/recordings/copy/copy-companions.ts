import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../base/files/durable-file.ts';
import { RECORDING_MODE } from '../../record/file/segment-fs.ts';
import { readSignatureFile, signatureFileOf } from '../../record/signing/signature-file.ts';
import { loadSnapshot, snapshotName, snapshotsOf } from '../../record/snapshots/snapshot-files.ts';

/** Snapshots and signatures of a recording, for its copy. Another program may have put other files under their names: these stay. */
export async function copyCompanions(file: string, wanted: string): Promise<void> {
  let number = 0;
  for (const still of await snapshotsOf(file)) {
    const jpeg = await loadSnapshot(still.file);
    if (!jpeg) {
      continue;
    }
    number += 1;
    const copy = snapshotName(wanted, number);
    if (!(await stat(copy).catch(() => undefined))) {
      await writeCompanion(copy, jpeg, still.timeMs);
    }
  }
  const signatures = await readSignatureFile(file);
  if (signatures) {
    await writeCompanion(signatureFileOf(wanted), signatures.bytes, signatures.mtimeMs);
  }
  if (number > 0 || signatures) {
    await syncFolder(dirname(wanted));
  }
}

/** Writes a file next to a recording. After a power cut it is complete, or not there. */
export async function writeCompanion(file: string, bytes: Uint8Array, timeMs: number): Promise<void> {
  const draft = `${file}.part`;
  await rm(draft, { force: true });
  await writeFile(draft, bytes, { flag: 'wx', mode: RECORDING_MODE });
  await finishCopy(draft, timeMs);
  await rename(draft, file);
}

export async function syncFile(file: string): Promise<void> {
  await using handle = await open(file, 'r');
  await handle.sync();
}

/** Flushes a copy. @param modifiedMs time of its last change */
export async function finishCopy(file: string, modifiedMs: number): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.chmod(RECORDING_MODE);
    await handle.utimes(modifiedMs / 1000, modifiedMs / 1000);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
