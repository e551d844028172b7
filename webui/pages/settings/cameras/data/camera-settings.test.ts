import { expect, test } from 'vitest';
import type { DiskItem } from '../../../../api-client/api-types.ts';
import { daysOf, durationOf, FOR_EVER } from '../../../../forms/days.ts';
import {
  bytesOf,
  changeOf,
  costBytes,
  diskOf,
  fewerDays,
  NO_LIMIT,
  type PathUse,
  settingsOf,
} from './camera-settings.ts';

const use: PathUse = {
  ...{ path: 'door', title: null, configured: true, files: 1, bytes: 0, reachesBackDays: 1, wantedDays: 14 },
  ...{ bytesPerDay: 10e9, fitsDays: 8.5 },
};

test.for([
  ['14d', 14],
  ['1h0m0s', 1 / 24],
  ['1d12h0m0s', 1.5],
  ['0s', FOR_EVER],
] as const)(
  'recordings that are kept for %s are kept for %d days, and are written so that it stays so',
  ([text, days]) => {
    expect(daysOf(text)).toBeCloseTo(days, 10);
    expect(daysOf(durationOf(days))).toBeCloseTo(days, 4);
  },
);

test.for([
  ['0B', NO_LIMIT],
  ['50G', 50 * 1024 ** 3],
  ['1.5T', 1.5 * 1024 ** 4],
  ['512K', 512 * 1024],
  ['100B', 100],
] as const)('a limit of %s is %d bytes', ([text, bytes]) => {
  expect(bytesOf(text)).toBe(bytes);
});

test("a form has the file's values, and sends only changes", () => {
  const config = { name: 'door', record: 'motion', recordDeleteAfter: '7d', recordMaxSize: '0B' } as const;
  const camera = { name: 'Front door', user: 'admin', password: '<redacted>' };
  expect(settingsOf({ ...config, camera }, 'Door')).toEqual({
    ...{ name: 'Front door', record: 'motion', days: 7, maxBytes: NO_LIMIT, sound: true },
  });
  expect(settingsOf({ ...config, record: true }, 'Door')).toMatchObject({ name: 'Door', record: 'always' });
  expect(settingsOf({ ...config, audio: false }, 'Door')).toMatchObject({ sound: false });
  expect(changeOf({ sound: false }, config)).toEqual({ audio: false });
  expect(changeOf({ days: 30 }, { ...config, camera })).toEqual({ recordDeleteAfter: '30d' });
  expect(changeOf({ record: 'always' }, config)).toEqual({ record: true });
  expect(changeOf({ record: 'no' }, config)).toEqual({ record: false });
  expect(changeOf({ name: ' 前门 ' }, { ...config, camera })).toEqual({ camera: { ...camera, name: '前门' } });
});

test("days cost the rate of the last day, up to the camera's limit, and fewer may fit", () => {
  expect(costBytes(use, 3, NO_LIMIT)).toBe(30e9);
  expect(costBytes(use, 3, 20e9)).toBe(20e9);
  expect(costBytes({ ...use, bytesPerDay: null }, 3, NO_LIMIT)).toBeUndefined();
  expect(costBytes(use, FOR_EVER, NO_LIMIT)).toBeUndefined();
  expect([fewerDays(use, 8), fewerDays(use, 9), fewerDays(use, FOR_EVER)]).toEqual([undefined, 8.5, undefined]);
});

test('a camera records to the disk of the deepest folder above its files', () => {
  const disk = (folder: string) => ({ folder }) as DiskItem;
  const disks = [disk('/data'), disk('/data/usb'), disk('/mnt/b')];
  expect(diskOf('/data/usb/%path/%Y', disks)?.folder).toBe('/data/usb');
  expect(diskOf('/data/usb2/%path/%Y', disks)?.folder).toBe('/data');
  expect(diskOf('/elsewhere', disks)).toBeUndefined();
  expect(diskOf('./recordings/%path', [disk('/data')])?.folder).toBe('/data');
});
