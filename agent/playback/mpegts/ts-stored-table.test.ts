import { open } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { record, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { PerchError } from '../../base/errors.ts';
import { parseTsTable, writeTsTable } from './ts-stored-table.ts';
import { readTsTable } from './ts-table.ts';

async function tableOf(seconds: number) {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, seconds, { format: 'mpegts', sound: true });
  const handle = await open(file, 'r');
  try {
    return await readTsTable(handle);
  } finally {
    await handle.close();
  }
}

test('a stored table is that of the recording', async () => {
  const { head, table, tsFragments } = await tableOf(12);
  const stored = await parseTsTable(writeTsTable(head, table, tsFragments), head.sizeBytes);
  expect(tsFragments.length).toBeGreaterThan(3);
  expect(stored.fragments).toEqual(tsFragments);
  expect(stored.table).toEqual(table);
  expect(stored.init.tracks).toEqual(head.init.tracks);
  expect(Buffer.compare(stored.init.bytes, head.init.bytes)).toBe(0);
});

test('a damaged table, or that of a longer recording, is rejected or has its samples within the recording', async () => {
  const { head, table, tsFragments } = await tableOf(4);
  const bytes = Buffer.from(writeTsTable(head, table, tsFragments));
  const next = random(11);
  let rejected = 0;
  for (let i = 0; i < 3_000; i += 1) {
    const damaged = Buffer.from(bytes);
    for (let hits = 1 + Math.floor(next() * 3); hits > 0; hits -= 1) {
      damaged[Math.floor(next() * damaged.length)] = Math.floor(next() * 256);
    }
    try {
      const { fragments } = await parseTsTable(damaged, head.sizeBytes);
      for (const { position, sizeBytes, runs } of fragments) {
        expect(position).toBeGreaterThanOrEqual(0);
        expect(sizeBytes).toBeLessThanOrEqual(2 * head.sizeBytes);
        expect(runs.every((run) => run.position < head.sizeBytes)).toBe(true);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      rejected += 1;
    }
  }
  expect(rejected).toBeGreaterThan(100);
  for (let length = 0; length < bytes.length; length += 7) {
    await expect(parseTsTable(bytes.subarray(0, length), head.sizeBytes)).rejects.toThrow(PerchError);
  }
  await expect(parseTsTable(bytes, 200)).rejects.toThrow('is damaged');
});
