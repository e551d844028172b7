import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/fake-clock.ts';
import { SimulatedDisk } from '../../../test/simulated-disk.ts';
import { silentLogger } from '../../base/log.ts';
import type { Doomed } from '../retention/deletions.ts';
import { diskFs } from '../segment-fs.ts';
import { DiskMemory } from './disk-memory.ts';
import { type DiskEvent, Disks } from './disks.ts';
import type { IndexedRecording } from './make-room.ts';

const MB = 1_000_000;

const emptyMemory = () =>
  new DiskMemory(
    'disks.json',
    (text) => expect.unreachable(text),
    async () => {},
  );

function setUp(minFreePercent = 10, memory = emptyMemory()) {
  const clock = new FakeClock();
  const disk = new SimulatedDisk();
  const events: DiskEvent[] = [];
  const stopped: string[] = [];
  const hanging = new Set<number>();
  const index = {
    isWhole: true,
    oldestOwn: (_folder: string, limit: number, after?: IndexedRecording) => {
      const from = after
        ? disk.files.findIndex(({ startUs, file }) => startUs >= after.startUs && file !== after.file)
        : 0;
      return from < 0 ? [] : disk.files.slice(from, from + limit);
    },
    oldestOwnOf: () => [],
    bytesOf: () => ({ ownBytes: 0 }),
  };
  const deletions = {
    get hold() {
      return disk.hold;
    },
    delete: (doomed: Doomed) => disk.delete(doomed),
    pause: async () => {},
    removeEmptyFolders: async () => {},
    endSweep: () => {},
  };
  const disks = new Disks({
    clock,
    probe: disk,
    memory,
    rules: {
      folders: () => ['/rec'],
      minFreeBytes: (totalBytes) => (totalBytes * minFreePercent) / 100,
      needsDisk: () => disk.isNeeded,
      ageLimitMs: () => undefined,
    },
    index,
    deletions,
    stopRecording: (folder) => stopped.push(folder),
    onEvent: (event) => events.push(event),
    isHanging: (device) => hanging.has(device),
    logger: silentLogger,
  });
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  onTestFinished(async () => {
    stop.abort();
    await clock.advance(60_000);
    await running;
  });
  return {
    ...{ clock, disk, disks, events, stopped, hanging, index, memory },
    state: () => disks.list()[0],
    begin: async () => {
      running = disks.keep(async () => {}, stop.signal);
      await clock.advance(1);
    },
  };
}

test('the oldest recordings go across all cameras, before the disk is full, and a little more than is needed', async () => {
  const { disk, clock, begin, state } = setUp();
  for (let hour = 0; hour < 20; hour += 1) {
    disk.record(hour % 2 ? 'door' : 'gate', hour);
  }
  disk.freeBytes = 101 * MB;
  await begin();
  expect(disk.deleted).toEqual([]);
  disk.freeBytes = 80 * MB;
  await clock.advance(5_000);
  // 20 MB are missing; 5 MB more, and what is written in half a minute, but no more than a quarter of what is to stay free.
  expect(disk.deleted).toEqual(['gate/0.mp4', 'door/1.mp4', 'gate/2.mp4', 'door/3.mp4', 'gate/4.mp4']);
  expect(state()).toMatchObject({ state: 'ok', error: null, minFreeBytes: 100 * MB });
  await clock.advance(60_000);
  expect(disk.deleted).toHaveLength(5);
});

test('twelve cameras that write all the time are kept up with', async () => {
  const { disk, clock, begin, stopped } = setUp();
  for (let hour = 0; hour < 200; hour += 1) {
    disk.record('cam', hour);
  }
  disk.freeBytes = 110 * MB;
  await begin();
  let leastBytes = disk.freeBytes;
  for (let round = 0; round < 200; round += 1) {
    disk.freeBytes -= 6 * MB;
    disk.record('cam', 200 + round);
    await clock.advance(5_000);
    leastBytes = Math.min(leastBytes, disk.freeBytes);
  }
  expect(leastBytes).toBeGreaterThan(90 * MB);
  expect(disk.deleted.length).toBeLessThan(150);
  expect(stopped).toEqual([]);
});

test('without a limit nothing is deleted: at one percent recording stops, and goes on when there is clearly more', async () => {
  const { disk, disks, clock, begin, events, stopped, state } = setUp(0);
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

test('what is protected stays and the next oldest go; when all is, the state says so', async () => {
  const { disk, clock, begin, state } = setUp();
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

test('while the clock is not set nothing goes, and the state says why', async () => {
  const { disk, clock, begin, state } = setUp();
  disk.record('cam', 0);
  disk.hold = 'the clock has not been set since the machine was started';
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
  const { disk, clock, begin, index, state } = setUp();
  disk.record('cam', 0);
  index.isWhole = false;
  disk.freeBytes = 95 * MB;
  await begin();
  await clock.advance(5_000);
  expect([disk.deleted, state()?.error]).toEqual([[], expect.stringContaining('index of recordings is being filled')]);
  index.isWhole = true;
  await clock.advance(5_000);
  expect(disk.deleted).toEqual(['cam/0.mp4']);
});

test('where deleting frees nothing, as under a snapshot, recordings are not deleted one after the other for nothing', async () => {
  const { disk, clock, begin, state } = setUp();
  for (let hour = 0; hour < 60; hour += 1) {
    disk.record('cam', hour);
  }
  disk.isSlow = true;
  disk.freeBytes = 80 * MB;
  await begin();
  expect(disk.deleted).toHaveLength(3);
  await clock.advance(65_000);
  expect(state()).toMatchObject({ state: 'filling', error: expect.stringContaining('nothing became free') });
  await clock.advance(600_000);
  // After a minute, two, four …
  expect(disk.deleted.length).toBeLessThan(16);
});

test('a file system that gives space back later is waited for', async () => {
  const { disk, clock, begin, state } = setUp();
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

test('a disk that is not mounted any more is refused, and recorded to again when it is back', async () => {
  const { disk, disks, clock, begin, events, stopped, state } = setUp();
  await begin();
  disks.opened('/rec/cam/1.mp4');
  await clock.advance(5_000);
  const { mark, totalBytes } = disk;
  expect(mark).toMatch(/^[0-9a-f-]{36}$/);
  Object.assign(disk, { device: 1, place: 'system', mark: undefined, totalBytes: 77 * MB });
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/2.mp4')).toBe(
    'cannot record to /rec: its disk is not mounted: mount it, or accept the one that is there with POST /v3/disks/accept',
  );
  expect(stopped).toEqual(['/rec']);
  // What the disk below its place says is nothing of it.
  const nothing = { freeBytes: null, minFreeBytes: 0, writtenBytesPerDay: null, fullInDays: null, keepsDays: null };
  expect(state()).toMatchObject({ ...nothing, state: 'vanished', totalBytes });
  expect(disks.deviceOf('/rec')).toBeUndefined();
  Object.assign(disk, { device: 99, place: 'mount', mark, totalBytes });
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/2.mp4')).toBeUndefined();
  expect(events.map((event) => event.state)).toEqual(['vanished', 'ok']);
});

test('a disk that goes between two looks is noticed by the next file, which is made nowhere else', async () => {
  const { disk, disks, clock, begin, state } = setUp();
  await begin();
  disks.opened('/rec/cam/1.mp4');
  await clock.advance(5_000);
  const made: string[] = [];
  const fs = disks.guarded({
    ...diskFs,
    makeFolder: async (folder) => {
      made.push(folder);
      return undefined;
    },
  });
  await fs.makeFolder('/rec/cam');
  Object.assign(disk, { device: 1, place: 'system', mark: undefined });
  await expect(fs.makeFolder('/rec/cam')).rejects.toMatchObject({ code: 'ENOENT' });
  expect(made).toEqual(['/rec/cam']);
  disks.failed('/rec/cam/2.mp4', 'ENOENT');
  await clock.advance(1);
  expect(state()?.state).toBe('vanished');
});

test('after a start a disk that is missing is noticed before anything is recorded', async () => {
  const first = setUp();
  await first.begin();
  first.disks.opened('/rec/cam/1.mp4');
  await first.clock.advance(5_000);
  const second = setUp(10, first.memory);
  Object.assign(second.disk, { device: 1, place: 'system', mark: undefined });
  expect(second.disks.refusal('/rec/cam/2.mp4')).toBe('the disk has not been looked at yet');
  await second.disks.look();
  expect(second.state()?.state).toBe('vanished');
  expect(await second.disks.accept('/somewhere')).toBe(false);
  expect(await second.disks.accept('/rec')).toBe(true);
  expect(second.state()?.state).toBe('ok');
});

test('where a disk is needed nothing is recorded to what is none, until one is mounted', async () => {
  const { disk, disks, clock, begin, state, events, stopped } = setUp();
  Object.assign(disk, { isNeeded: true, isOwnDisk: false, place: 'system', device: 1 });
  await begin();
  expect(disks.refusal('/rec/cam/1.mp4')).toBe(
    'cannot record to /rec: no disk is mounted there: mount one, or choose another place for recordings',
  );
  expect(state()).toMatchObject({ state: 'vanished', freeBytes: null, totalBytes: 0 });
  Object.assign(disk, { isOwnDisk: true, place: 'mount', device: 81 });
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/1.mp4')).toBeUndefined();
  Object.assign(disk, { isOwnDisk: false, place: 'system', device: 1 });
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/2.mp4')).toContain('no disk is mounted');
  expect(await disks.accept('/rec')).toBe(true);
  expect(state()?.state).toBe('vanished');
  expect([events.map((event) => event.state), stopped]).toEqual([
    ['vanished', 'ok', 'vanished'],
    ['/rec', '/rec'],
  ]);
});

test('a disk that nothing was recorded to may be another one', async () => {
  const { disk, clock, begin, state } = setUp();
  await begin();
  Object.assign(disk, { device: 1, place: 'system' });
  await clock.advance(5_000);
  expect([state()?.state, disk.mark]).toEqual(['ok', undefined]);
});

test('a new disk in the place of the old one is recorded to, and known from then on', async () => {
  const { disk, disks, clock, begin, state } = setUp();
  await begin();
  disks.opened('/rec/cam/1.mp4');
  await clock.advance(5_000);
  const old = disk.mark;
  Object.assign(disk, { device: 97, totalBytes: 2_000 * MB, mark: undefined });
  await clock.advance(5_000);
  expect(state()?.state).toBe('ok');
  expect([disk.mark === undefined, disk.mark === old]).toEqual([false, false]);
});

test('a read-only disk is refused', async () => {
  const { disk, disks, clock, begin, stopped } = setUp();
  await begin();
  disk.isReadOnly = true;
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/1.mp4')).toContain('the disk is mounted read-only: mount it writable');
  expect(stopped).toEqual(['/rec']);
});

test('a disk that answers nothing is asked once, and what is open is left to it', async () => {
  const { disk, disks, clock, begin, state, stopped, events } = setUp();
  await begin();
  disk.isHanging = true;
  await clock.advance(5_000);
  expect(state()?.state).toBe('ok');
  await clock.advance(5_000);
  expect(state()).toMatchObject({ state: 'hanging', error: expect.stringContaining('does not answer') });
  expect(disks.refusal('/rec/cam/1.mp4')).toContain('does not answer');
  expect(stopped).toEqual([]);
  await clock.advance(60_000);
  expect(events.map((event) => event.state)).toEqual(['hanging']);
});

test('a disk that answers and ends no write hangs too, until it does', async () => {
  const { disk, disks, clock, begin, state, stopped, hanging } = setUp();
  await begin();
  hanging.add(disk.device);
  await clock.advance(10_000);
  expect(state()).toMatchObject({ state: 'hanging', error: expect.stringContaining('ends no write') });
  expect(disks.refusal('/rec/cam/1.mp4')).toContain('ends no write');
  expect(stopped).toEqual([]);
  hanging.clear();
  await clock.advance(10_000);
  expect(disks.refusal('/rec/cam/1.mp4')).toBeUndefined();
});

test('a disk with errors is a state and still tried, for a recorder knows best', async () => {
  const { disk, disks, clock, begin, state } = setUp();
  await begin();
  disks.failed('/rec/cam/1.mp4', 'EIO');
  await clock.advance(1);
  expect(state()).toMatchObject({ state: 'failing' });
  expect(disks.refusal('/rec/cam/1.mp4')).toBeUndefined();
  await clock.advance(20_000);
  expect(state()?.state).toBe('ok');
  disk.failure = 'EIO';
  await clock.advance(5_000);
  expect(state()).toMatchObject({ state: 'failing', error: expect.stringContaining('input/output error') });
});

test('a write that was refused for want of space is a full disk at once, until it was the last', async () => {
  const { disks, clock, begin, events } = setUp(0);
  await begin();
  disks.failed('/rec/cam/1.mp4', 'ENOSPC');
  await clock.advance(1);
  expect(events.map((event) => event.state)).toEqual(['full']);
  await clock.advance(20_000);
  expect(events.map((event) => event.state)).toEqual(['full', 'ok']);
});

test('a disk to which something is recorded again after a refusal is full no longer', async () => {
  const { disks, clock, begin, state } = setUp(0);
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

test('a week before a disk is full it is announced, once', async () => {
  const { disk, clock, begin, events, state } = setUp(0);
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

test('a disk that hangs in a deletion holds up neither the looks nor the room on another', async () => {
  const clock = new FakeClock();
  const [stuck, well] = [new SimulatedDisk(), new SimulatedDisk()];
  well.device = 82;
  const diskOf = (name: string) => (name.startsWith('/stuck') ? stuck : well);
  for (let hour = 0; hour < 20; hour += 1) {
    stuck.record('cam', hour);
    well.record('cam', hour);
  }
  const disks = new Disks({
    clock,
    probe: {
      look: (folder) => diskOf(folder).look(),
      deviceOf: (folder) => diskOf(folder).deviceOf(),
      writeMark: async () => {},
    },
    memory: emptyMemory(),
    rules: {
      folders: () => ['/stuck', '/well'],
      minFreeBytes: () => 100 * MB,
      needsDisk: () => false,
      ageLimitMs: () => undefined,
    },
    index: {
      isWhole: true,
      oldestOwn: (folder) => diskOf(folder).files.map((one) => ({ ...one, file: `${folder}${one.file}` })),
      oldestOwnOf: () => [],
      bytesOf: () => ({ ownBytes: 0 }),
    },
    deletions: {
      hold: undefined,
      delete: (doomed: Doomed) =>
        doomed.file.startsWith('/stuck')
          ? new Promise(() => {})
          : well.delete({ ...doomed, file: doomed.file.slice('/well'.length) }),
      pause: async () => {},
      removeEmptyFolders: async () => {},
      endSweep: () => {},
    },
    stopRecording: () => {},
    logger: silentLogger,
  });
  const stop = new AbortController();
  let rounds = 0;
  const running = disks.keep(async () => {
    rounds += 1;
    await (rounds === 1 ? undefined : new Promise(() => {}));
  }, stop.signal);
  stuck.freeBytes = 80 * MB;
  for (let round = 0; round < 10; round += 1) {
    well.freeBytes = Math.min(well.freeBytes, 80 * MB);
    await clock.advance(15_000);
  }
  expect(well.deleted.length).toBeGreaterThan(10);
  stop.abort();
  await clock.advance(15_000);
  await running;
});
