import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { LOOPBACK } from '../../test/support/harness/http/control-api-harness.ts';
import { openHttpHarness } from '../../test/support/harness/http/http-harness.ts';
import { good } from '../../test/support/harness/loaded-config.ts';
import { storageRoutes } from '../http/api/device/storage-routes.ts';
import { type StorageDeps, StorageUse } from './storage-use.ts';

const GB = 1e9;
const DAY_US = 86_400_000_000;
const PASSWORD = 'correct horse battery';
const TEXT = `pathDefaults: {recordPath: /mnt/usb/rec/%path/%Y-%m-%d_%H-%M-%S-%f, recordDeleteAfter: 14d}
paths:
  door: {source: 'rtsp://h/1', record: yes}
  garden: {source: 'rtsp://h/2', record: yes, recordMaxSize: 60G}
  quiet: {source: 'rtsp://h/3'}
`;
const WITH_MOTION = `${TEXT}  porch: {source: 'rtsp://h/4', record: motion}
`;

const USB_PLACE = {
  ...{ folder: '/mnt/usb', device: '/dev/sda1', type: 'ext4', totalBytes: 1e12, freeBytes: 60 * GB },
  ...{ isReadOnly: false, isRemovable: true, isNetwork: false, isWritable: true },
};

const NO_HOST: StorageDeps['host'] = {
  offers: () => false,
  ask: () => Promise.reject(new Error('no answer')),
};

const placeIn = (items: readonly { readonly folder: string }[], folder: string) =>
  items.find((one) => one.folder === folder);

/** Cameras with these recordings, on a disk with this write rate. */
async function open(
  has: Readonly<Record<string, { bytes: number; recentBytes: number; days: number; recordedDays?: number }>>,
  writtenBytesPerDay: number | null = null,
  older: readonly { folder: string; files: number; bytes: number; endUs: number }[] = [],
  away: readonly string[] = [],
  host: StorageDeps['host'] = NO_HOST,
  text = TEXT,
) {
  const clock = new FakeClock();
  const state = away.includes('/mnt/usb/rec') ? 'vanished' : 'ok';
  const room = { freeBytes: 60 * GB, minFreeBytes: 10 * GB, writtenBytesPerDay };
  const usb = { folder: '/mnt/usb/rec', state, ...room };
  const deps: StorageDeps = {
    clock,
    host,
    settings: () => good(text),
    recordings: {
      names: async () => Object.keys(has),
      titleOf: (path) => (path === 'door' ? 'Front door' : undefined),
      playback: {
        offlineReason: (file) => away.find((folder) => file.startsWith(`${folder}/`)),
        space: {
          bytesOf: (path) => ({ files: 1, bytes: has[path]?.bytes ?? 0, ownBytes: has[path]?.bytes ?? 0 }),
          spanOf: (path, sinceUs, nowUs) => {
            const one = has[path];
            const firstUs = one && nowUs - one.days * DAY_US;
            const recentUs = nowUs - Math.max(firstUs ?? nowUs, sinceUs);
            const recordedUs = (one?.recordedDays ?? recentUs / DAY_US) * DAY_US;
            return { firstUs, recentBytes: one?.recentBytes ?? 0, recentUs, recordedUs };
          },
          heldOutside: (tops) => (tops.includes('/mnt/usb/rec') ? older : []),
        },
      },
      space: {
        list: () => [usb] as never,
        deviceOf: () => 7,
        lastChosenMs: (path) => (path === 'shed' ? 30 * 86_400_000 : undefined),
      },
    },
    places: async () => [
      ...(state === 'vanished' ? [] : [USB_PLACE]),
      { ...USB_PLACE, folder: '/media/pi/My disk', device: '/dev/sdb1', isWritable: false },
      {
        ...{ folder: '/', device: '/dev/mmcblk0p2', type: 'ext4', totalBytes: 3e10, freeBytes: 5 * GB },
        ...{ isReadOnly: false, isRemovable: false, isNetwork: false, isWritable: false },
      },
    ],
  };
  const box = await openHttpHarness({ password: PASSWORD });
  onTestFinished(() => box[Symbol.asyncDispose]());
  await box.accounts.people.addUser({ name: 'ann', cameras: 'all', live: true, recordings: true }, 'another password');
  await box.app.register(storageRoutes, { access: box.access, storage: new StorageUse(deps) });
  return async (url: string, user = 'owner', password = PASSWORD, body?: object) => {
    const headers = { ...LOOPBACK.headers, authorization: `Basic ${btoa(`${user}:${password}`)}` };
    const method = body ? 'POST' : 'GET';
    return (await box.app.inject({ ...LOOPBACK, method, url, headers, ...(body && { payload: body }) })).json();
  };
}

test('each camera has its size, its oldest recording, its retention and the days that fit', async () => {
  const get = await open({
    door: { bytes: 100 * GB, recentBytes: 10 * GB, days: 10 },
    garden: { bytes: 50 * GB, recentBytes: 15 * GB, days: 3 },
    shed: { bytes: 5 * GB, recentBytes: 0, days: 40 },
  });
  expect(await get('/v3/recordings/usage')).toEqual({
    ...{ bytes: 155 * GB, bytesPerDay: 25 * GB, reachesBackDays: 40 },
    items: [
      {
        ...{ path: 'door', title: 'Front door', configured: true, files: 1, bytes: 100 * GB },
        // 50 GB are free to be filled, and 150 GB are theirs already: 200 GB at 25 GB a day.
        ...{ bytesPerDay: 10 * GB, reachesBackDays: 10, wantedDays: 14, fitsDays: 8 },
      },
      {
        ...{ path: 'garden', title: null, configured: true, files: 1, bytes: 50 * GB },
        ...{ bytesPerDay: 15 * GB, reachesBackDays: 3, wantedDays: 14, fitsDays: 4.3 },
      },
      {
        ...{ path: 'shed', title: null, configured: false, files: 1, bytes: 5 * GB },
        ...{ bytesPerDay: 0, reachesBackDays: 40, wantedDays: 30, fitsDays: null },
      },
    ],
  });
});

test('the time of an outage does not lower the rate of a camera that is always recorded', async () => {
  const hour = { bytes: GB, recentBytes: GB, days: 10, recordedDays: 1 / 24 };
  const get = await open({ door: hour, porch: hour }, null, [], [], NO_HOST, WITH_MOTION);
  expect((await get('/v3/recordings/usage')).items).toMatchObject([
    { path: 'door', bytesPerDay: 24 * GB },
    { path: 'garden' },
    // Between events nothing is written.
    { path: 'porch', bytesPerDay: GB },
  ]);
});

test('a new camera has no rate yet, and cameras without recording are not listed', async () => {
  const get = await open({ door: { bytes: GB, recentBytes: GB, days: 0.001 } });
  const { items, bytesPerDay } = await get('/v3/recordings/usage');
  expect(bytesPerDay).toBeNull();
  expect(items).toMatchObject([
    { path: 'door', bytesPerDay: null, fitsDays: null },
    { path: 'garden', bytes: 0, bytesPerDay: null, reachesBackDays: null },
  ]);
});

test('without finished files the rate is that of the disk, and earlier recordings do not count', async () => {
  const get = await open(
    { door: { bytes: GB, recentBytes: GB, days: 0.001 }, shed: { bytes: 5 * GB, recentBytes: 3 * GB, days: 1 } },
    9_000 * GB,
  );
  const { items, bytesPerDay } = await get('/v3/recordings/usage');
  expect(bytesPerDay).toBe(9_000 * GB);
  // 51 GB at 9,000 GB a day: eight minutes.
  expect(items[0]).toMatchObject({ path: 'door', bytesPerDay: null, reachesBackDays: 0.001, fitsDays: 0.0057 });
});

test('places have their recordPath, and the one in use is marked', async () => {
  const get = await open({});
  expect((await get('/v3/disks/places')).items).toMatchObject([
    {
      ...{ folder: '/mnt/usb', removable: true, writable: true, recordsHere: ['/mnt/usb/rec'], isChosen: true },
      recordPath: '/mnt/usb/perch/%path/%Y-%m-%d_%H-%M-%S-%f',
    },
    { folder: '/media/pi/My disk', writable: false, canBeOpened: false },
    { folder: '/', writable: false, recordsHere: [], isChosen: false, canBeOpened: false },
  ]);
});

test('the host opens a disk to Perch, and those in use stay open', async () => {
  const asked: unknown[] = [];
  const get = await open({}, null, [], [], {
    offers: (task) => task === 'disk',
    ask: async (task, fields) => {
      asked.push([task, fields]);
      return { ok: true, text: 'Perch restarts' };
    },
  });
  expect((await get('/v3/disks/places')).items).toMatchObject([
    { folder: '/mnt/usb', writable: true, canBeOpened: false },
    { folder: '/media/pi/My disk', writable: false, canBeOpened: true },
    { folder: '/', writable: false, canBeOpened: false },
  ]);
  const answer = await get('/v3/disks/places/open', 'owner', PASSWORD, { folder: '/media/pi/My disk' });
  expect(answer).toEqual({ text: 'Perch restarts' });
  expect(asked).toEqual([['disk', { folder: '/media/pi/My disk', kept: ['/mnt/usb'] }]]);
});

test('opening a disk waits as long as systemd lets its service run; no answer means failure', async () => {
  const unit = readFileSync(join(import.meta.dirname, '../../packaging/linux/systemd/perch-disk.service'), 'utf8');
  const limitMs = Number(/^TimeoutStartSec=(\d+)s$/m.exec(unit)?.[1]) * 1_000;
  let patientMs = 0;
  const ask: StorageDeps['host']['ask'] = async (_task, _fields, patienceMs) => {
    patientMs = patienceMs;
    return { ok: true, text: '' };
  };
  const get = await open({}, null, [], [], { offers: () => true, ask });
  await get('/v3/disks/places/open', 'owner', PASSWORD, { folder: '/media/pi/My disk' });
  expect(patientMs).toBeGreaterThan(limitMs);
});

test.for<[string, object]>([
  ['nothing', {}],
  ['a list', ['/mnt/usb']],
  ['a number', { folder: 7 }],
  ['a folder that no file system has', { folder: `/mnt/${'x'.repeat(2_000)}` }],
])('%s is not a folder to open, and the host is not asked', async ([, body]) => {
  const get = await open({});
  expect((await get('/v3/disks/places/open', 'owner', PASSWORD, body)).error).toMatch(/folder|object/);
});

test('a missing disk stays open by the folder on it', async () => {
  const asked: unknown[] = [];
  const ask = async (_task: string, fields: object) => {
    asked.push(fields);
    return { ok: true, text: '' };
  };
  const host = { offers: () => true, ask };
  const get = await open({}, null, [], ['/mnt/usb/rec'], host);
  await get('/v3/disks/places/open', 'owner', PASSWORD, { folder: '/media/pi/My disk' });
  expect(asked).toEqual([{ folder: '/media/pi/My disk', kept: ['/mnt/usb/rec'] }]);
});

test.for([
  ['the host says no', true, '/media/pi/My disk', 'the file system keeps no owners'],
  [
    'the host does not open disks',
    false,
    '/media/pi/My disk',
    'change the owner of /media/pi/My disk/perch to the user',
  ],
  ['it is not where disks are mounted', true, '/', 'change the owner of /perch to the user'],
  ['no disk is there', true, '/mnt/other', "no disk is mounted at '/mnt/other'"],
] as const)('a disk is not opened where %s, in words', async ([, isOffered, folder, reason]) => {
  const host = { offers: () => isOffered, ask: async () => ({ ok: false, text: 'the file system keeps no owners' }) };
  const get = await open({}, null, [], [], host);
  expect((await get('/v3/disks/places/open', 'owner', PASSWORD, { folder })).error).toContain(reason);
});

test('a former recording disk reports its remaining recordings and their end', async () => {
  const endUs = Date.UTC(2026, 4, 12) * 1000;
  const get = await open({}, null, [
    { folder: '/home/perch/recordings/door', files: 3, bytes: 2 * GB, endUs },
    { folder: '/home/perch/recordings/garden', files: 1, bytes: GB, endUs: endUs - DAY_US },
  ]);
  const { items } = await get('/v3/disks/places');
  expect(placeIn(items, '/mnt/usb')).toMatchObject({ older: null });
  const older = { files: 4, bytes: 3 * GB, end: '2026-05-12T00:00:00.000Z' };
  expect(placeIn(items, '/')).toMatchObject({ older });
});

test('a missing disk and its recordings are not counted for the disk below its place', async () => {
  const endUs = Date.UTC(2026, 4, 12) * 1000;
  const older = [{ folder: '/mnt/old/rec/door', files: 3, bytes: 2 * GB, endUs }];
  const get = await open({}, null, older, ['/mnt/usb/rec', '/mnt/old/rec']);
  const { items } = await get('/v3/disks/places');
  expect(placeIn(items, '/')).toMatchObject({ recordsHere: [], isChosen: false, older: null });
});

test.for(['/v3/recordings/usage', '/v3/disks/places'])('a viewer may not read %s', async (url) => {
  const get = await open({});
  expect(await get(url, 'ann', 'another password')).toEqual({ status: 'error', error: 'authentication error' });
});
