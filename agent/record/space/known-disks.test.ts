import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import type { DiskReading } from './disk-probe.ts';
import { type Identity, identityOf, type KnownDisk, KnownDisks } from './known-disks.ts';

const ID = '0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11';
const OTHER_ID = '9b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11';
const stick: DiskReading = {
  device: 81,
  totalBytes: 64e9,
  freeBytes: 1e9,
  isReadOnly: false,
  cannotMake: undefined,
  isOwnDisk: true,
  place: 'mount',
  mark: ID,
};
const known: KnownDisk = { id: ID, device: 81, totalBytes: 64e9, place: 'mount' };
const system = { device: 1, totalBytes: 8e9, place: 'system', mark: undefined } as const;
const data = { device: 2, totalBytes: 9e9, place: 'data', mark: undefined } as const;

test.for<[string, Partial<DiskReading>, Partial<KnownDisk>, Identity]>([
  ['a disk with its mark', {}, {}, 'same'],
  ['a disk with its mark under another number, as after a start', { device: 97 }, {}, 'same'],
  ['a disk whose mark was deleted', { mark: undefined }, {}, 'same'],
  ['another disk at the same place', { device: 97, mark: undefined, totalBytes: 128e9 }, {}, 'replaced'],
  ['a disk that Perch knows from another folder', { device: 97, mark: OTHER_ID }, {}, 'replaced'],
  ["the system's disk where another was mounted", system, {}, 'vanished'],
  ["the data folder's disk where another was mounted", data, {}, 'vanished'],
  ["the system's disk where the data folder's was", system, { place: 'data' }, 'vanished'],
  ["an emptied folder of the system's disk", system, { place: 'system', device: 7 }, 'same'],
  ["an emptied folder of the data folder's disk", data, { place: 'data', device: 7 }, 'same'],
  ['a new disk where the folder was on the system', { mark: undefined }, { place: 'system', device: 1 }, 'replaced'],
])('%s', ([_, look, memory, identity]) => {
  expect(identityOf({ ...stick, ...look }, { ...known, ...memory })).toBe(identity);
});

test('a folder without recordings accepts any disk', () => {
  expect(identityOf({ ...stick, ...system }, undefined)).toBe('same');
});

/** Opens the known disks as a start of Perch does. */
async function open(file: string): Promise<KnownDisks> {
  const memory = new KnownDisks(file, (text) => expect.unreachable(text));
  await memory.load();
  return memory;
}

test('known disks persist across a start, until they are forgotten', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'disks.json');
  const memory = await open(file);
  const id = await memory.remember('/mnt/usb', { ...stick, mark: undefined });
  expect((await open(file)).find('/mnt/usb')).toEqual({ ...known, id });
  await memory.forget('/mnt/usb');
  expect((await open(file)).find('/mnt/usb')).toBeUndefined();
});

test('unchanged disks are not written again, and a deleted mark is restored', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'disks.json');
  const memory = new KnownDisks(file, (text) => expect.unreachable(text));
  await memory.remember('/mnt/usb', stick);
  writeFileSync(file, 'not touched');
  expect(await memory.remember('/mnt/usb', stick)).toBe(ID);
  expect(await memory.remember('/mnt/usb', { ...stick, mark: undefined })).toBe(ID);
  expect(readFileSync(file, 'utf8')).toBe('not touched');
});

test('an unreadable list of disks accepts every disk, and says so', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'disks.json');
  const next = random(3);
  const good = JSON.stringify({ version: 1, folders: { '/a': known, '/b': { ...known, id: 7 }, '/c': null } });
  const faults: string[] = [];
  for (let i = 0; i < 200; i += 1) {
    const bytes = Buffer.from(good.slice(0, next() < 0.5 ? Math.floor(next() * good.length) : good.length));
    if (bytes.length > 0) {
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    }
    writeFileSync(file, bytes);
    const memory = new KnownDisks(file, (text) => faults.push(text));
    await memory.load();
    expect(memory.find('/b')).toBeUndefined();
  }
  expect(faults[0]).toMatch(/^cannot read .*disks\.json: an unmounted disk will not be noticed/);
  expect(existsSync(file)).toBe(true);
});

test('how a disk flushes is kept for it across starts, not for another disk in its place, nor from a damaged file', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'disks.json');
  const flushDays = { first: [1, 2], latest: [3] };
  const memory = await open(file);
  await memory.remember('/mnt/usb', stick);
  await memory.keepFlushDays('/mnt/usb', flushDays);
  await memory.keepFlushDays('/mnt/other', flushDays);
  const next = await open(file);
  expect(next.find('/mnt/other')).toBeUndefined();
  await next.remember('/mnt/usb', { ...stick, totalBytes: 63e9 });
  expect(next.find('/mnt/usb')?.flushDays).toEqual(flushDays);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"latest": \[[^\]]*\]/, '"latest": [-1]'));
  expect((await open(file)).find('/mnt/usb')).toEqual({ ...known, totalBytes: 63e9 });
  await next.remember('/mnt/usb', { ...stick, mark: OTHER_ID });
  expect(next.find('/mnt/usb')?.flushDays).toBeUndefined();
});
