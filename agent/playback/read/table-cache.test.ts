import { appendFileSync, copyFileSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { record, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { TableCache } from './table-cache.ts';

test('a table is read once, and again when the file is another', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 4);
  const cache = new TableCache();
  const [first, same] = await Promise.all([cache.of({ file }), cache.of({ file })]);
  expect(same).toBe(first);
  expect(await cache.of({ file })).toBe(first);
  utimesSync(file, 1_000, 1_000);
  const again = await cache.of({ file });
  expect([again === first, again.endOffset]).toEqual([false, first.endOffset]);
});

test('a growing file is read on from its last complete part', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 4);
  const bytes = readFileSync(file);
  const cache = new TableCache();
  const { table } = await cache.of({ file });
  const growing = join(folder.path, 'growing');
  const cut = (table.fragmentOffsets[2] ?? 0) + 100;
  writeFileSync(growing, bytes.subarray(0, cut));
  const begun = await cache.of({ file: growing });
  expect([begun.head.isFinished, begun.table.fragmentCount]).toEqual([false, 2]);
  appendFileSync(growing, bytes.subarray(cut));
  const ended = await cache.of({ file: growing });
  expect([ended.head.isFinished, ended.table.fragmentCount]).toEqual([true, 4]);
  expect(begun.table.fragmentCount).toBe(2);
  // Cut off, and another one under the same name.
  truncateSync(growing, cut);
  expect((await cache.of({ file: growing })).table.fragmentCount).toBe(2);
});

test('the cache keeps to its limit and drops the least recently used', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 4, { sound: true });
  const files = Array.from({ length: 6 }, (_, i) => join(folder.path, `copy${i}`));
  for (const name of files) {
    copyFileSync(file, name);
  }
  const single = new TableCache();
  await single.of({ file });
  const cache = new TableCache(() => false, single.sizeBytes * 3.5);
  const given = new Map<string, unknown>();
  for (const name of files) {
    given.set(name, await cache.of({ file: name }));
    expect(cache.sizeBytes).toBeLessThanOrEqual(single.sizeBytes * 3.5);
    await cache.of({ file: files[0] ?? '' });
  }
  const isKept = async (i: number) => (await cache.of({ file: files[i] ?? '' })) === given.get(files[i] ?? '');
  expect([await isKept(0), await isKept(5), await isKept(4)]).toEqual([true, true, true]);
  expect(await isKept(1)).toBe(false);
  const tiny = new TableCache(() => false, 1);
  const one = await tiny.of({ file });
  expect(await tiny.of({ file })).toBe(one);
  cache.clear();
  expect(cache.sizeBytes).toBe(0);
});

test('a missing file or another format is reported and leaves no cache entry', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  const cache = new TableCache();
  await cache.of({ file });
  rmSync(file);
  await expect(cache.of({ file })).rejects.toMatchObject({ code: 'ENOENT' });
  expect(cache.sizeBytes).toBe(0);
  writeFileSync(file, 'no recording');
  await expect(cache.of({ file })).rejects.toMatchObject({ code: 'badInput' });
});

test('an aborted wait ends at once', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 2);
  const cache = new TableCache();
  await expect(cache.of({ file }, AbortSignal.abort())).rejects.toThrow('aborted');
  const stop = new AbortController();
  const waiting = cache.of({ file }, stop.signal);
  const other = cache.of({ file });
  stop.abort();
  await expect(waiting).rejects.toThrow('aborted');
  expect((await other).table.fragmentCount).toBe(2);
});
