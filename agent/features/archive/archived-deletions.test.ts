import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ArchivedBox } from '../../../test/features/archive/support/archived-box.ts';
import { type S3Fault, S3Server } from '../../../test/features/archive/support/s3-server.ts';
import { record, WALL } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import { Deletions } from '../../record/retention/deletions.ts';
import { ProtectedRanges } from '../../record/retention/protected-ranges.ts';
import { RangeDeletions } from '../../recordings/range-deletions.ts';

const { signal } = new AbortController();
const HOUR_MS = 3_600_000;
const at = (ms: number): string => new Date(WALL + ms).toISOString();

async function rangesOf(box: ArchivedBox) {
  const { playback, clock } = box;
  const protectedRanges = new ProtectedRanges(join(box.folder, 'protected.json'));
  await protectedRanges.load();
  const deletions = new Deletions({
    ...{ clock: { sleep: async () => {} }, log: playback.segmentLog, isOpen: () => false, logger: silentLogger },
    protection: protectedRanges,
    isClockTrusted: () => true,
  });
  const ranges = new RangeDeletions({
    ...{ file: join(box.folder, 'deleted.json'), clock, log: silentLogger, playback, deletions, protectedRanges },
    tops: () => [box.recordings],
    ageMs: () => undefined,
  });
  await ranges.load();
  return { ranges, protectedRanges };
}

/** Four recordings, an hour apart, all archived; the file of the first is gone. */
async function setUp(fault: () => S3Fault, readFault: () => S3Fault = () => undefined) {
  const server = await S3Server.start({
    fault: ({ method, range }) => (method === 'DELETE' ? fault() : range === undefined ? undefined : readFault()),
  });
  const box = new ArchivedBox();
  box.clock.stepWall(WALL + 24 * HOUR_MS - box.clock.wallMs());
  const files: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    files.push(...(await record(box.recordings, 4, { wall: WALL + i * HOUR_MS })));
  }
  await box.start({ archiveURL: server.url });
  await box.archived(4);
  const { playback } = box;
  const [first = ''] = files;
  rmSync(first);
  playback.segmentLog.removed(first);
  const { ranges, protectedRanges } = await rangesOf(box);
  const starts = async () =>
    (await box.playback.list('cam', undefined, undefined, '').catch(() => [])).map(
      ({ start }) => (Date.parse(start) - WALL) / HOUR_MS,
    );
  return { server, box, ranges, protectedRanges, starts };
}

test('a deleted range is deleted in the archive, too, when Undo is over; protected and longer recordings stay', async () => {
  const { server, box, ranges, protectedRanges, starts } = await setUp(() => undefined);
  await protectedRanges.add({
    path: 'cam',
    startUs: (WALL + HOUR_MS) * 1000,
    endUs: (WALL + HOUR_MS + 4_000) * 1000,
    note: '',
  });
  // The first one, the protected second one, and the beginning of the third.
  await ranges.delete({ path: 'cam', start: at(-1_000), end: at(2 * HOUR_MS + 2_000) }, undefined);
  expect((await starts())[0]).toBe(1);
  await ranges.run(true, signal);
  expect(server.objects.size).toBe(4);
  await box.clock.advance(10 * 60_000 + 1_000);
  await ranges.run(true, signal);
  expect(server.objects.size).toBe(3);
  expect((await starts())[0]).toBe(1);
  expect(box.playback.space.bytesOf('cam').files).toBe(3);
});

test('while the archive is away a deleted range stays hidden, and its copies are deleted later', async () => {
  let now: S3Fault = { status: 503, code: 'SlowDown' };
  const { server, box, ranges, starts } = await setUp(() => now);
  await ranges.delete({ path: 'cam', start: at(-1_000), end: at(HOUR_MS + 10_000) }, undefined);
  await box.clock.advance(10 * 60_000 + 1_000);
  for (let i = 0; i < 3; i += 1) {
    await ranges.run(true, signal);
    expect(await starts()).toEqual([2, 3]);
    expect([server.objects.size, ranges.list().length]).toEqual([4, 1]);
  }
  now = undefined;
  await ranges.run(true, signal);
  expect([server.objects.size, ranges.list().length]).toEqual([2, 0]);
  expect(await starts()).toEqual([2, 3]);
});

test('a range that is deleted before the archive has started stays hidden, and its copies are deleted then', async () => {
  const { server, box, ranges, starts } = await setUp(() => undefined);
  const { playback } = box;
  box.connect(false);
  await ranges.delete({ path: 'cam', start: at(-1_000), end: at(HOUR_MS + 10_000) }, undefined);
  await box.clock.advance(10 * 60_000 + 1_000);
  await ranges.run(true, signal);
  const [start = ''] = (await playback.list('cam', undefined, undefined, '')).map((one) => one.start);
  await expect(playback.deleteSegment('cam', start, () => undefined)).rejects.toThrow('the archive is not listed yet');
  expect([server.objects.size, ranges.list().length]).toEqual([4, 1]);
  box.connect(true);
  await box.until(() => playback.space.bytesOf('cam').files === 4);
  expect(await starts()).toEqual([2, 3]);
  await ranges.run(true, signal);
  expect([server.objects.size, ranges.list().length, await starts()]).toEqual([2, 0, [2, 3]]);
});

test('while protected ranges are unreadable, copies of a deleted range stay', async () => {
  const { server, box, ranges, protectedRanges, starts } = await setUp(() => undefined);
  await ranges.delete({ path: 'cam', start: at(-1_000), end: at(10_000) }, undefined);
  const file = join(box.folder, 'protected.json');
  writeFileSync(file, '{');
  await protectedRanges.load();
  await box.clock.advance(10 * 60_000 + 1_000);
  await ranges.run(true, signal);
  expect([server.objects.size, ranges.list().length, await starts()]).toEqual([4, 1, [1, 2, 3]]);
  rmSync(file);
  await protectedRanges.load();
  await ranges.run(true, signal);
  expect([server.objects.size, ranges.list().length]).toEqual([3, 0]);
});

test('after the loss of the list and the index a deleted range stays until the copies of its camera are read', async () => {
  let fault: S3Fault;
  const first = await setUp(
    () => undefined,
    () => fault,
  );
  const { server, box } = first;
  await first.ranges.delete({ path: 'cam', start: at(-1_000), end: at(10_000) }, undefined);
  await box.stop();
  box.lose('archive.db');
  box.lose('segments.db');
  fault = { status: 503, code: 'SlowDown' };
  await box.start({ archiveURL: server.url });
  const { ranges } = await rangesOf(box);
  await box.clock.advance(10 * 60_000 + 1_000);
  await ranges.run(true, signal);
  await box.archived(4);
  await ranges.run(true, signal);
  expect([server.objects.size, ranges.list().length]).toEqual([4, 1]);
  fault = undefined;
  await box.until(() => box.playback.space.bytesOf('cam').files === 4);
  await ranges.run(true, signal);
  expect(server.objects.size).toBe(3);
  await box.until(async () => {
    await ranges.run(true, signal);
    return ranges.list().length === 0;
  });
  expect(server.objects.size).toBe(3);
});

test('copies of a removed camera stay, although a pattern with a limit matches its name, until the pattern records under it', async () => {
  const server = await S3Server.start();
  const box = new ArchivedBox();
  for (const path of ['door', 'guest']) {
    await record(box.recordings, 4, { path, wall: box.clock.wallMs() });
  }
  const configOf = (paths: string) =>
    `perch: own\npathDefaults: { recordArchive: all }\npaths: { ${paths}all_others: { recordArchiveDeleteAfter: 2d } }\n`;
  const cameras = () => [...server.objects.keys()].map((key) => key.split('/')[2]);
  await box.start({ archiveURL: server.url }, configOf('door: { recordArchiveDeleteAfter: 0s }, '));
  await box.records('guest');
  await box.archived(2);
  await box.stop();
  box.clock.skip(3 * 24 * HOUR_MS);
  await box.start({ archiveURL: server.url }, configOf(''));
  await box.until(() => !cameras().includes('guest'));
  expect(cameras()).toEqual(['door']);
  await box.records('door');
  await box.until(() => server.objects.size === 0);
});
