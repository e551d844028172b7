import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';

/** Unit tests write to memory where there is room, so that no disk delays them: some have a clock that runs ahead of any disk. */
export function memoryFolder(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize < 1e9) {
      return undefined;
    }
    const folder = mkdtempSync('/dev/shm/perch-tests-');
    // The mode of /tmp, because some tests continue as a user without rights.
    chmodSync(folder, 0o1777);
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    return folder;
  } catch {
    return undefined;
  }
}
