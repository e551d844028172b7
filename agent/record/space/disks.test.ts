import { expect, test } from 'vitest';
import { emptyMemory, setUpDisks } from '../../../test/support/harness/disks-harness.ts';

const MB = 1_000_000;

test('the oldest recordings of all cameras are deleted before the disk is full, with some spare space', async () => {
  const { disk, clock, begin, state } = setUpDisks();
  for (let hour = 0; hour < 20; hour += 1) {
    disk.record(hour % 2 ? 'door' : 'gate', hour);
  }
  disk.freeBytes = 101 * MB;
  await begin();
  expect(disk.deleted).toEqual([]);
  disk.freeBytes = 80 * MB;
  await clock.advance(5_000);
  // 20 MB are missing; 5 MB more are freed, plus what is written in half a minute, but at most a quarter of the space to keep free.
  expect(disk.deleted).toEqual(['gate/0.mp4', 'door/1.mp4', 'gate/2.mp4', 'door/3.mp4', 'gate/4.mp4']);
  expect(state()).toMatchObject({ state: 'ok', error: null, minFreeBytes: 100 * MB });
  await clock.advance(60_000);
  expect(disk.deleted).toHaveLength(5);
});

test('twelve cameras that write all the time are kept up with', async () => {
  const { disk, clock, begin, stopped } = setUpDisks();
  for (let hour = 0; hour < 200; hour += 1) {
    disk.record('cam', hour);
  }
  disk.freeBytes = 110 * MB;
  await begin();
  let minBytes = disk.freeBytes;
  for (let round = 0; round < 200; round += 1) {
    disk.freeBytes -= 6 * MB;
    disk.record('cam', 200 + round);
    await clock.advance(5_000);
    minBytes = Math.min(minBytes, disk.freeBytes);
  }
  expect(minBytes).toBeGreaterThan(90 * MB);
  expect(disk.deleted.length).toBeLessThan(150);
  expect(stopped).toEqual([]);
});

test('on a disk that fills within seconds recording stops while its files can still be finished, which are deleted then', async () => {
  const { disk, clock, begin, stopped, state } = setUpDisks();
  disk.freeBytes = 130 * MB;
  await begin();
  for (const free of [100, 70]) {
    disk.freeBytes = free * MB;
    await clock.advance(5_000);
  }
  expect(stopped).toEqual([]);
  disk.freeBytes = 40 * MB;
  await clock.advance(5_000);
  expect([stopped, state()?.state]).toEqual([['/rec'], 'nearlyFull']);
  // Nothing is written now.
  await clock.advance(5_000);
  expect(state()?.state).toBe('nearlyFull');
  for (let hour = 0; hour < 8; hour += 1) {
    disk.record('cam', hour);
  }
  await clock.advance(20_000);
  expect([disk.deleted.length > 5, state()?.state]).toEqual([true, 'ok']);
});

test('without a limit nothing is deleted: at one percent recording stops, and resumes with clearly more space', async () => {
  const { disk, disks, clock, begin, events, stopped, state } = setUpDisks(0);
  disk.record('cam', 1);
  await begin();
  disk.freeBytes = 9 * MB;
  await clock.advance(5_000);
  expect(state()).toMatchObject({ state: 'nearlyFull', error: expect.stringContaining('set recordMinFree') });
  expect(stopped).toEqual(['/rec']);
  expect(disks.refusal('/rec/cam/2.mp4')).toMatch(/^cannot record to \/rec: recording has stopped/);
  disk.freeBytes = 12 * MB;
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/2.mp4')).toBeDefined();
  disk.freeBytes = 20 * MB;
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/2.mp4')).toBeUndefined();
  expect(events.map((event) => event.state)).toEqual(['nearlyFull', 'ok']);
  expect(disk.deleted).toEqual([]);
});

test('a fault of another disk, mounted at a folder below, does not end this', async () => {
  const { disk, clock, begin } = setUpDisks();
  const deviceOf = disk.deviceOf.bind(disk);
  disk.deviceOf = async (folder) => {
    if (folder?.endsWith('/door')) {
      throw Object.assign(new Error('EIO: input/output error'), { code: 'EIO' });
    }
    return await deviceOf();
  };
  disk.record('door', 0);
  disk.record('yard', 1);
  disk.freeBytes = 95 * MB;
  await begin();
  expect(disk.deleted).toEqual(['yard/1.mp4']);
  disk.record('yard', 2);
  disk.freeBytes = 80 * MB;
  await clock.advance(20_000);
  expect(disk.deleted).toEqual(['yard/1.mp4', 'yard/2.mp4']);
});

test('protected recordings are kept and the next oldest deleted; the state reports if all are protected', async () => {
  const { disk, clock, begin, state } = setUpDisks();
  for (let hour = 0; hour < 4; hour += 1) {
    disk.record('cam', hour);
  }
  disk.kept.set('/rec/cam/0.mp4', { kind: 'kept', because: 'protected' });
  disk.freeBytes = 90 * MB;
  await begin();
  expect(disk.deleted).toEqual(['cam/1.mp4', 'cam/2.mp4']);
  disk.kept.set('/rec/cam/3.mp4', { kind: 'kept', because: 'protected' });
  disk.freeBytes = 50 * MB;
  await clock.advance(10_000);
  expect(state()).toMatchObject({
    state: 'filling',
    error: expect.stringContaining('nothing more can be deleted, 2 recordings are protected'),
  });
  disk.kept.clear();
  await clock.advance(30_000);
  expect(disk.deleted).toEqual(['cam/1.mp4', 'cam/2.mp4', 'cam/0.mp4', 'cam/3.mp4']);
});

test('nothing is deleted before the clock is set, and the state explains it', async () => {
  const { disk, clock, begin, state } = setUpDisks();
  disk.record('cam', 0);
  disk.hold = 'the clock has not been set since boot';
  disk.freeBytes = 80 * MB;
  await begin();
  await clock.advance(5_000);
  expect(state()).toMatchObject({ state: 'filling', error: expect.stringContaining(disk.hold) });
  expect(disk.deleted).toEqual([]);
  disk.hold = undefined;
  await clock.advance(20_000);
  expect(disk.deleted).toEqual(['cam/0.mp4']);
});

test('an index that does not know all files yet has no oldest', async () => {
  const { disk, clock, begin, index, state } = setUpDisks();
  disk.record('cam', 0);
  index.isWhole = false;
  disk.freeBytes = 95 * MB;
  await begin();
  await clock.advance(5_000);
  expect([disk.deleted, state()?.error]).toEqual([[], expect.stringContaining('index of recordings is incomplete')]);
  index.isWhole = true;
  await clock.advance(5_000);
  expect(disk.deleted).toEqual(['cam/0.mp4']);
});

test('if deleting frees no space, as with file system snapshots, deletion stops', async () => {
  const { disk, clock, begin, state } = setUpDisks();
  for (let hour = 0; hour < 60; hour += 1) {
    disk.record('cam', hour);
  }
  disk.isSlow = true;
  disk.freeBytes = 80 * MB;
  await begin();
  expect(disk.deleted).toHaveLength(3);
  await clock.advance(65_000);
  expect(state()).toMatchObject({ state: 'filling', error: expect.stringContaining('freed nothing') });
  await clock.advance(600_000);
  // After a minute, two, four …
  expect(disk.deleted.length).toBeLessThan(16);
});

test('a file system that frees space late is waited for', async () => {
  const { disk, clock, begin, state } = setUpDisks();
  for (let hour = 0; hour < 20; hour += 1) {
    disk.record('cam', hour);
  }
  disk.isSlow = true;
  disk.freeBytes = 80 * MB;
  await begin();
  await clock.advance(30_000);
  disk.settle();
  await clock.advance(60_000);
  expect([disk.deleted.length, state()?.state]).toEqual([3, 'ok']);
});

test('a write rejected for lack of space means a full disk at once, until writes succeed', async () => {
  const { disks, clock, begin, events } = setUpDisks(0);
  await begin();
  disks.failed('/rec/cam/1.mp4', 'ENOSPC');
  await clock.advance(1);
  expect(events.map((event) => event.state)).toEqual(['full']);
  await clock.advance(20_000);
  expect(events.map((event) => event.state)).toEqual(['full', 'ok']);
});

test('a disk that accepts recordings again is no longer reported as full', async () => {
  const { disks, clock, begin, state } = setUpDisks(0);
  await begin();
  disks.failed('/rec/cam/1.mp4', 'ENOSPC');
  await clock.advance(1);
  disks.opened('/rec/cam/2.mp4');
  disks.failed('/rec/cam/2.mp4', 'ENOSPC');
  await clock.advance(1_000);
  expect(state()?.state).toBe('full');
  disks.opened('/rec/cam/3.mp4');
  await clock.advance(5_000);
  expect(state()?.state).toBe('ok');
});

test('a full disk is announced a week ahead, once', async () => {
  const { disk, clock, begin, events, state } = setUpDisks(0);
  disk.freeBytes = 200 * MB;
  await begin();
  for (let round = 0; round < 200; round += 1) {
    disk.freeBytes -= 2_500;
    await clock.advance(5_000);
  }
  expect(events).toEqual([
    {
      state: 'filling',
      text: "at today's rate the disk is full in 4 days: free space or set recordMinFree",
      folders: ['/rec'],
      atMs: expect.any(Number),
    },
  ]);
  expect(state()?.fullInDays).toBeCloseTo(4.4, 0);
});

test('a disk that stores data four times as slowly as in its first weeks is reported, and recording continues', async () => {
  const memory = emptyMemory();
  const before = setUpDisks(0, memory);
  before.disk.record('cam', 1);
  await before.begin();
  before.disks.opened('/rec/cam/2.mp4');
  await before.clock.advance(5_000);
  await memory.keepFlushDays('/rec', { first: new Array(14).fill(30), latest: new Array(13).fill(210) });
  const { disk, disks, clock, begin, flushes, stopped, state } = setUpDisks(0, memory);
  disk.mark = before.disk.mark;
  await begin();
  Object.assign(flushes, { count: 17_000, totalMs: 17_000 * 200 });
  await clock.advance(86_400_000);
  expect(state()).toMatchObject({ state: 'slowing', error: expect.stringContaining('7 times as long') });
  expect(disks.refusal('/rec/cam/3.mp4')).toBeUndefined();
  expect(stopped).toEqual([]);
});
