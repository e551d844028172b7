import { unlink } from 'node:fs/promises';
import { signatureFilesOf } from '../signing/signature-file.ts';
import { snapshotsOf } from './snapshot-files.ts';

/** Snapshots and signatures next to a recording, which are deleted with it, and only then. */
export async function companionsOf(recording: string): Promise<string[]> {
  const stills = await snapshotsOf(recording);
  return [...stills.map(({ file }) => file), ...signatureFilesOf(recording)];
}

/** Called with the recording's deletion. A file that cannot be removed is harmless. */
export async function removeCompanions(recording: string): Promise<void> {
  for (const file of await companionsOf(recording)) {
    await unlink(file).catch(() => undefined);
  }
}
