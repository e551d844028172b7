import { expect, test } from 'vitest';
import type { DiskItem, MountedDisk, StorageUse } from '../../../api-client/api-types.ts';
import type { PathUse } from '../cameras/data/camera-settings.ts';
import {
  byCamera,
  type Drive,
  diskTroubles,
  driveOf,
  filledOf,
  missingBytes,
  mountedDiskOf,
  oneOfEach,
  percentOf,
  reachOf,
} from './storage-data.ts';

const use = (path: string, more: Partial<PathUse> = {}): PathUse => ({
  ...{ path, title: null, configured: true, files: 0, bytes: 0, bytesPerDay: 1, reachesBackDays: 1 },
  ...{ wantedDays: 14, fitsDays: 26 },
  ...more,
});
const storage = (items: readonly PathUse[], reachesBackDays: number | null = 2): StorageUse => ({
  ...{ items: [...items], reachesBackDays, bytes: 0, bytesPerDay: null },
});

test('recordings reach as far as the camera that is kept longest, or as many days as fit of it', () => {
  const items = [use('a'), use('b', { wantedDays: 30 }), use('c', { wantedDays: 7 })];
  expect(reachOf(storage(items))).toEqual({ days: 26, by: 'space' });
  expect(reachOf(storage([use('a'), use('gone', { configured: false, wantedDays: 90 })]))).toEqual({
    days: 14,
    by: 'age',
  });
  expect(reachOf(storage([use('a', { wantedDays: null, fitsDays: 300 })]))).toEqual({ days: 300, by: 'space' });
});

test('while no rate is known it is said how far they reach now, and nothing when there are none', () => {
  expect(reachOf(storage([use('a', { fitsDays: null })]))).toEqual({ days: 2, by: 'now' });
  expect(reachOf(storage([use('a', { fitsDays: null })], null))).toBeUndefined();
});

test('cameras are listed by disk use, including their sub streams, and removed ones while they use any', () => {
  const items = [
    use('a', { bytes: 5 }),
    use('a_sub', { bytes: 6 }),
    use('b', { bytes: 10 }),
    use('old', { configured: false }),
    use('older_sub', { configured: false, bytes: 1 }),
  ];
  expect(byCamera(items).map(({ path, bytes }) => [path, bytes])).toEqual([
    ['a', 11],
    ['b', 10],
    ['older_sub', 1],
  ]);
});

const mount = (folder: string) => ({ folder }) as MountedDisk;
const disk = (folder: string, state: DiskItem['state'] = 'ok') => ({ folder, state }) as DiskItem;

test('two folders on one disk are one disk, by the state that is not well', () => {
  const mounts = [mount('/'), mount('/mnt/usb')];
  expect(mountedDiskOf('/mnt/usb/perch', mounts)?.folder).toBe('/mnt/usb');
  expect(mountedDiskOf('/mnt/usb2', mounts)?.folder).toBe('/');
  const disks = [disk('/a'), disk('/b', 'full'), disk('/mnt/usb/x')];
  expect(oneOfEach(disks, mounts).map(({ folder }) => folder)).toEqual(['/b', '/mnt/usb/x']);
});

test('a missing disk is not confused with the one below its mount point, and usage is reported for present ones', () => {
  const gone = { ...disk('/mnt/usb/perch', 'vanished'), totalBytes: 900, freeBytes: null };
  const here = { ...disk('/rec'), totalBytes: 100, freeBytes: 25 };
  expect(oneOfEach([gone, here], [mount('/')]).map(({ folder }) => folder)).toEqual(['/mnt/usb/perch', '/rec']);
  expect(filledOf([gone, here])).toEqual({ totalBytes: 100, usedBytes: 75 });
  expect(filledOf([gone])).toBeUndefined();
});

test('a part belongs to its drive, not to one whose name begins alike', () => {
  const drives = ['/dev/sda', '/dev/sdaa', '/dev/mmcblk0', '/dev/nvme0n1'].map((name) => ({ name }) as Drive);
  const names = (device: string) => driveOf(device, drives)?.name;
  expect(['/dev/sda1', '/dev/sdaa2', '/dev/mmcblk0p2', '/dev/nvme0n1p1', '/dev/sdb1', 'tmpfs'].map(names)).toEqual([
    ...['/dev/sda', '/dev/sdaa', '/dev/mmcblk0', '/dev/nvme0n1', undefined, undefined],
  ]);
  // The box names cards without the folder.
  expect(driveOf('/dev/mmcblk0p2', [{ name: '' }, { name: 'mmcblk0' }] as Drive[])?.name).toBe('mmcblk0');
});

test('problems of disks are reported once, the most severe first', () => {
  expect(diskTroubles([disk('/a', 'failing'), disk('/b', 'full'), disk('/c', 'full'), disk('/d', 'filling')])).toEqual([
    ...['full', 'failing'],
  ]);
  // Its last bytes are left, and recording has stopped.
  expect(diskTroubles([disk('/a', 'nearlyFull')])).toEqual(['full']);
});

test('free room is a part of each disk, or a size that the page leaves alone', () => {
  expect([percentOf('10%'), percentOf('2.5%'), percentOf('20G')]).toEqual([10, 2.5, undefined]);
});

test('recordings are deleted for a larger share only on disks that have less free, and not on a missing one', () => {
  const of = (freeBytes: number | null) => ({ ...disk('/rec'), totalBytes: 1000, freeBytes });
  expect(missingBytes([of(120), of(500), of(null)], 10)).toBe(0);
  expect(missingBytes([of(120), of(140), of(500), of(null)], 15)).toBe(40);
});
