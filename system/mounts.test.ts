import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../test/support/base/fake-clock.ts';
import { mountedPlaces, parseMounts } from './mounts.ts';

const MOUNTS = `overlay / overlay rw,relatime 0 0
proc /proc proc rw 0 0
tmpfs /run tmpfs rw 0 0
/dev/mmcblk0p1 /boot/firmware vfat rw 0 0
/dev/sda1 /mnt/USB\\040disk ext4 rw,noatime 0 0
/dev/sdb1 /media/pi/stick exfat ro,nosuid 0 0
/dev/sdc1 /run/media/me/other ext4 rw 0 0
/dev/sdd1 /mnt/broken ext4 rw,relatime,abort,emergency_ro 0 0
nas:/video /mnt/nas nfs4 rw 0 0
/dev/vda /etc/hosts ext4 rw 0 0
/dev/loop3 /snap/core/1 squashfs ro 0 0
garbage
`;

test('of the mounts, disks, file servers and the root can hold recordings', () => {
  expect(parseMounts(MOUNTS).map(({ folder, isReadOnly }) => [folder, isReadOnly])).toEqual([
    ['/', false],
    ['/mnt/USB disk', false],
    ['/media/pi/stick', true],
    ['/run/media/me/other', false],
    ['/mnt/broken', true],
    ['/mnt/nas', false],
  ]);
});

test('a mount is listed with its free space and write permission; a disk mounted twice is listed once, a missing one never', async () => {
  const root = mkdtempSync(join(tmpdir(), 'perch-mounts-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'proc/self'), { recursive: true });
  mkdirSync(join(root, 'disk/twice'), { recursive: true });
  mkdirSync(join(root, 'sys/class/block/sdz'), { recursive: true });
  writeFileSync(join(root, 'sys/class/block/sdz/removable'), '1\n');
  const lines = [
    `/dev/sdz1 ${root}/disk/twice ext4 rw`,
    `/dev/sdz1 ${root}/disk ext4 rw`,
    '/dev/sdy1 /not/there ext4 rw',
  ];
  writeFileSync(join(root, 'proc/self/mounts'), lines.join('\n'));
  const places = await mountedPlaces(new FakeClock(), root);
  expect(places).toMatchObject([
    {
      folder: join(root, 'disk'),
      device: '/dev/sdz1',
      type: 'ext4',
      isRemovable: true,
      isNetwork: false,
      isWritable: true,
    },
  ]);
  expect(places[0]?.totalBytes).toBeGreaterThan(places[0]?.freeBytes ?? Number.POSITIVE_INFINITY);
});

test('a disk is writable whose folder for recordings is, though the disk itself is not', async () => {
  const root = mkdtempSync(join(tmpdir(), 'perch-mounts-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'proc/self'), { recursive: true });
  mkdirSync(join(root, 'disk/perch'), { recursive: true });
  chmodSync(join(root, 'disk'), 0o555);
  writeFileSync(join(root, 'proc/self/mounts'), `/dev/sdz1 ${root}/disk ext4 rw`);
  expect(await mountedPlaces(new FakeClock(), root)).toMatchObject([{ isWritable: true }]);
});

test('this machine has a place at least', async () => {
  expect((await mountedPlaces(new FakeClock())).length).toBeGreaterThan(0);
});
