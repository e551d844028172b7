import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { closeToOthers } from './adopt.ts';

test('a configuration of another user gets advice that keeps it readable for Perch', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'perch.yml');
  writeFileSync(file, 'perch: own\n');
  chmodSync(file, 0o644);
  const rejects = () => Promise.reject(new Error('EPERM'));
  const user = process.getuid?.();
  await expect(closeToOthers(file, () => {}, rejects)).rejects.toThrow(
    `every user of this machine may read ${file}: as root run chown ${user} ${file} and chmod 600 ${file}, or give it the group of Perch and mode 640`,
  );
});
