import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { machineDisks } from './disk-probe.ts';

test("the system's own disk and memory are no disks for recordings, nor are folders there that are still to be made", async () => {
  const memory = mkdtempSync('/dev/shm/perch-probe-');
  onTestFinished(() => rmSync(memory, { recursive: true }));
  const probe = machineDisks(memory);
  expect(await probe.look('/no/such/folder')).toMatchObject({ place: 'system', isOwnDisk: false });
  expect(await probe.look(join(memory, 'recordings'))).toMatchObject({ isOwnDisk: false });
});
