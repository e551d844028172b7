import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { machineDisks } from './disk-probe.ts';

test('the system’s own disk and memory are not disks for recordings, nor are folders to be created there', async () => {
  const memory = mkdtempSync('/dev/shm/perch-probe-');
  onTestFinished(() => rmSync(memory, { recursive: true }));
  const probe = machineDisks(memory);
  expect(await probe.read('/no/such/folder')).toMatchObject({ place: 'system', isOwnDisk: false });
  expect(await probe.read(join(memory, 'recordings'))).toMatchObject({ isOwnDisk: false });
});

test('a missing folder that cannot be created is reported with the reason; an existing or creatable one is not', () => {
  const top = mkdtempSync(join(tmpdir(), 'perch-probe-'));
  onTestFinished(() => rmSync(top, { recursive: true }));
  mkdirSync(join(top, 'closed/there'), { recursive: true });
  mkdirSync(join(top, 'open'));
  writeFileSync(join(top, 'file'), '');
  for (const [name, mode] of Object.entries({ 'closed/there': 0o555, closed: 0o555, open: 0o777, '.': 0o755 })) {
    chmodSync(join(top, name), mode);
  }
  const folders = ['closed/new/recordings', 'closed/there', 'open/new/recordings', 'file/recordings', 'file'];
  const script = `
    import { machineDisks } from '${join(import.meta.dirname, 'disk-probe.ts')}';
    const probe = machineDisks('/');
    const readings = ${JSON.stringify(folders)}.map((folder) => probe.read('${top}/' + folder));
    console.log((await Promise.all(readings)).map(({ cannotMake }) => String(cannotMake)).join(' '));
  `;
  // Root may write everywhere.
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script];
  const { stdout, stderr } = spawnSync(process.execPath, flags, { ...user, encoding: 'utf8' });
  expect([stdout, stderr]).toEqual(['EACCES undefined undefined undefined undefined\n', '']);
});
