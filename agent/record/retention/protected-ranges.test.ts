import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { type ProtectedRange, ProtectedRanges } from './protected-ranges.ts';

const NOON_US = Date.UTC(2026, 6, 1, 12) * 1000;
const MINUTE_US = 60_000_000;
const range = (path: string, fromMinute: number, toMinute: number, note = '') => ({
  path,
  startUs: NOON_US + fromMinute * MINUTE_US,
  endUs: NOON_US + toMinute * MINUTE_US,
  note,
});
const protects = (ranges: ProtectedRanges, path: string, fromMinute: number, toMinute: number) =>
  ranges.isProtected(path, NOON_US + fromMinute * MINUTE_US, NOON_US + toMinute * MINUTE_US);

async function open(file: string): Promise<ProtectedRanges> {
  const ranges = new ProtectedRanges(file);
  await ranges.load();
  return ranges;
}

test('recordings that overlap a protected range are protected, on its path only', async () => {
  using folder = temporaryFolder();
  const ranges = await open(join(folder.path, 'protected.json'));
  await ranges.add(range('door', 10, 20));
  expect([
    protects(ranges, 'door', 0, 9),
    protects(ranges, 'door', 0, 10),
    protects(ranges, 'door', 12, 13),
    protects(ranges, 'door', 0, 60),
    protects(ranges, 'door', 20, 21),
    protects(ranges, 'door', 21, 22),
    protects(ranges, 'doors', 12, 13),
  ]).toEqual([false, false, true, true, false, false, false]);
});

test('a range protects from its request on, and one that cannot be saved no longer does', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'protected.json');
  const ranges = await open(file);
  const added = ranges.add(range('door', 10, 20));
  expect(protects(ranges, 'door', 12, 13)).toBe(true);
  await added;
  mkdirSync(join(folder.path, '.protected.json.tmp'));
  const refused = ranges.add(range('door', 30, 40));
  expect(protects(ranges, 'door', 32, 33)).toBe(true);
  await expect(refused).rejects.toThrow();
  expect([protects(ranges, 'door', 32, 33), protects(ranges, 'door', 12, 13)]).toEqual([false, true]);
});

test('overlapping ranges protect independently', async () => {
  using folder = temporaryFolder();
  const ranges = await open(join(folder.path, 'protected.json'));
  const next = random(5);
  const all = Array.from({ length: 60 }, () => {
    const from = Math.floor(next() * 500);
    return { path: next() < 0.5 ? 'a' : 'b', from, to: from + 1 + Math.floor(next() * 50) };
  });
  for (const { path, from, to } of all) {
    await ranges.add(range(path, from, to));
  }
  for (let i = 0; i < 2_000; i += 1) {
    const path = next() < 0.5 ? 'a' : 'b';
    const from = Math.floor(next() * 600) - 20;
    const to = from + Math.floor(next() * 30);
    const isExpected = all.some((one) => one.path === path && one.from < to && one.to > from);
    expect(protects(ranges, path, from, to), `${path} ${from} to ${to}`).toBe(isExpected);
  }
});

test('ranges persist across a restart, removed ones do not', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'data/protected.json');
  const ranges = await open(file);
  const kept = await ranges.add(range('door', 10, 20, 'the parcel'));
  const dropped = await ranges.add(range('door', 0, 5));
  await ranges.remove(dropped.id);
  await expect(ranges.remove(dropped.id)).rejects.toThrow(`no protected recording has the id '${dropped.id}'`);
  expect((await open(file)).all).toEqual([kept]);
  expect(kept).toMatchObject({ path: 'door', note: 'the parcel' });
});

test('a note is changed, in the file too; an unknown id and a long note change nothing', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'protected.json');
  const ranges = await open(file);
  const { id } = await ranges.add({ ...range('door', 10, 20, 'a parcel'), by: 'anna', createdMs: 7 });
  expect(await ranges.setNote(id, 'the fox')).toMatchObject({ id, note: 'the fox', by: 'anna' });
  await expect(ranges.setNote('other', 'x')).rejects.toThrow("no protected recording has the id 'other'");
  await expect(ranges.setNote(id, 'x'.repeat(501))).rejects.toThrow('the limit is 500');
  expect((await open(file)).all).toEqual([{ ...range('door', 10, 20, 'the fox'), id, by: 'anna', createdMs: 7 }]);
});

test('a file of an earlier version has neither the person nor the time of a protection', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'protected.json');
  const old = { id: 'x', ...range('door', 1, 2, 'a') };
  writeFileSync(file, JSON.stringify({ version: 1, ranges: [old] }));
  expect((await open(file)).all).toEqual([old]);
});

test('without a file nothing is protected and nothing is written', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'protected.json');
  const ranges = await open(file);
  expect([ranges.fault, ranges.all, existsSync(file)]).toEqual([undefined, [], false]);
});

test('changes made at the same time are all kept', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'protected.json');
  const ranges = await open(file);
  await Promise.all(Array.from({ length: 20 }, (_, i) => ranges.add(range('door', i, i + 1))));
  expect((await open(file)).all).toHaveLength(20);
});

test.for([
  ['{', 'is not JSON'],
  ['', 'is not JSON'],
  ['[]', 'is not a list of protected recordings'],
  ['null', 'is not a list of protected recordings'],
  ['{"version":2,"ranges":[]}', 'is not a list of protected recordings'],
  ['{"version":1,"ranges":[7]}', 'range 0 lacks its id, path or note'],
  [
    '{"version":1,"ranges":[{"id":"x","path":"a","note":"","startUs":"soon","endUs":1}]}',
    'start and end must be times',
  ],
  ['{"version":1,"ranges":[{"id":"x","path":"a","note":"","startUs":2,"endUs":1}]}', 'end must be later than start'],
] as const)(
  'with %j as its file the protected recordings are unknown: it says so and does not overwrite it',
  async ([text, why]) => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'protected.json');
    writeFileSync(file, text);
    const ranges = await open(file);
    expect(ranges.fault).toContain(why);
    await expect(ranges.add(range('door', 1, 2))).rejects.toThrow('protected recordings are unknown');
    expect(readFileSync(file, 'utf8')).toBe(text);
    writeFileSync(file, '{"version":1,"ranges":[]}');
    await ranges.add(range('door', 1, 2));
    expect(ranges.fault).toBeUndefined();
  },
);

test('a damaged file is never read as another list', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'protected.json');
  const ranges = await open(file);
  await ranges.add(range('door', 1, 2, 'a'));
  await ranges.add(range('gate', 3, 4, 'b'));
  const good = readFileSync(file);
  const next = random(11);
  for (let i = 0; i < 300; i += 1) {
    const bytes = Buffer.from(good.subarray(0, next() < 0.3 ? Math.floor(next() * good.length) : good.length));
    for (let n = Math.floor(next() * 4); n > 0 && bytes.length > 0; n -= 1) {
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    }
    writeFileSync(file, bytes);
    const damaged = await open(file);
    const isWhole = damaged.all.length === 2 && damaged.all.every((one: ProtectedRange) => one.endUs > one.startUs);
    expect(isWhole || damaged.fault !== undefined).toBe(true);
  }
});

test('invalid times and long notes are rejected', async () => {
  using folder = temporaryFolder();
  const ranges = await open(join(folder.path, 'protected.json'));
  await expect(ranges.add(range('door', 2, 2))).rejects.toThrow('end must be later than start');
  await expect(ranges.add({ ...range('door', 1, 2), endUs: Number.NaN })).rejects.toThrow('must be times');
  await expect(ranges.add(range('door', 1, 2, 'x'.repeat(501)))).rejects.toThrow('501 characters, the limit is 500');
});

test('the listener gets all ranges when they are read and when they change', async () => {
  using folder = temporaryFolder();
  const notified: number[] = [];
  const ranges = new ProtectedRanges(join(folder.path, 'protected.json'), (all) => notified.push(all.length));
  await ranges.load();
  const { id } = await ranges.add(range('door', 1, 2));
  await ranges.remove(id);
  expect(notified).toEqual([0, 1, 0]);
});
