import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { SimulatedDisk } from '../../../test/support/disks/simulated-disk.ts';
import { emptyMemory, setUpDisks } from '../../../test/support/harness/disks-harness.ts';
import { silentLogger } from '../../base/log.ts';
import { diskFs } from '../file/segment-fs.ts';
import type { DeletionCandidate } from '../retention/deletions.ts';
import { Disks } from './disks.ts';

const MB = 1_000_000;

test('an unmounted disk is rejected, and recorded to again when it is back', async () => {
  const { disk, disks, clock, begin, events, stopped, state } = setUpDisks();
  await begin();
  disks.opened('/rec/cam/1.mp4');
  await clock.advance(5_000);
  const { mark, totalBytes } = disk;
  expect(mark).toMatch(/^[0-9a-f-]{36}$/);
  Object.assign(disk, { device: 1, place: 'system', mark: undefined, totalBytes: 77 * MB });
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/2.mp4')).toBe(
    'cannot record to /rec: its disk is not mounted: mount it, or accept the mounted one with POST /v3/disks/accept',
  );
  expect(stopped).toEqual(['/rec']);
  // The values of the disk below the mount point are not reported as its own.
  const nothing = { freeBytes: null, minFreeBytes: 0, writtenBytesPerDay: null, fullInDays: null, keepsDays: null };
  expect(state()).toMatchObject({ ...nothing, state: 'vanished', totalBytes });
  expect(disks.deviceOf('/rec')).toBeUndefined();
  Object.assign(disk, { device: 99, place: 'mount', mark, totalBytes });
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/2.mp4')).toBeUndefined();
  expect(events.map((event) => event.state)).toEqual(['vanished', 'ok']);
});

test('a disk that disappears between two checks is noticed by the next file, which is not created elsewhere', async () => {
  const { disk, disks, clock, begin, state } = setUpDisks();
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
  const first = setUpDisks();
  await first.begin();
  first.disks.opened('/rec/cam/1.mp4');
  await first.clock.advance(5_000);
  const second = setUpDisks(10, first.memory);
  Object.assign(second.disk, { device: 1, place: 'system', mark: undefined });
  expect(second.disks.refusal('/rec/cam/2.mp4')).toBe('the disk has not been checked yet');
  await second.disks.check();
  expect(second.state()?.state).toBe('vanished');
  expect(await second.disks.accept('/somewhere')).toBe(false);
  expect(await second.disks.accept('/rec')).toBe(true);
  expect(second.state()?.state).toBe('ok');
});

test('with recordNeedsDisk nothing is recorded until a disk is mounted', async () => {
  const { disk, disks, clock, begin, state, events, stopped } = setUpDisks();
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

test('a folder that cannot be created waits for its disk, and does not report the disk below', async () => {
  const { disk, disks, clock, begin, state, stopped } = setUpDisks();
  Object.assign(disk, { cannotMake: 'EACCES', isOwnDisk: false, place: 'system', device: 1 });
  await begin();
  const text =
    'no disk is mounted there, and Perch may not create the folder: mount one, or choose another place for recordings';
  expect(state()).toMatchObject({ state: 'vanished', error: text, freeBytes: null, totalBytes: 0 });
  expect(disks.refusal('/rec/cam/1.mp4')).toBe(`cannot record to /rec: ${text}`);
  expect(stopped).toEqual(['/rec']);
  Object.assign(disk, { cannotMake: undefined, isOwnDisk: true, place: 'mount', device: 81 });
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/1.mp4')).toBeUndefined();
  expect(state()?.state).toBe('ok');
});

test('a disk where Perch may not create the folder is reported', async () => {
  const { disk, begin, state } = setUpDisks();
  Object.assign(disk, { cannotMake: 'EACCES', isOwnDisk: true });
  await begin();
  const text = 'permission denied: give the user that Perch runs as the right to write there';
  expect(state()).toMatchObject({ state: 'readOnly', error: text });
});

test('a disk without recordings may be replaced', async () => {
  const { disk, clock, begin, state } = setUpDisks();
  await begin();
  Object.assign(disk, { device: 1, place: 'system' });
  await clock.advance(5_000);
  expect([state()?.state, disk.mark]).toEqual(['ok', undefined]);
});

test('a new disk in the place of the old one is recorded to, and known from then on', async () => {
  const { disk, disks, clock, begin, state } = setUpDisks();
  await begin();
  disks.opened('/rec/cam/1.mp4');
  await clock.advance(5_000);
  const old = disk.mark;
  Object.assign(disk, { device: 97, totalBytes: 2_000 * MB, mark: undefined });
  await clock.advance(5_000);
  expect(state()?.state).toBe('ok');
  expect([disk.mark === undefined, disk.mark === old]).toEqual([false, false]);
});

test('a read-only disk is rejected', async () => {
  const { disk, disks, clock, begin, stopped } = setUpDisks();
  await begin();
  disk.isReadOnly = true;
  await clock.advance(5_000);
  expect(disks.refusal('/rec/cam/1.mp4')).toContain('the disk is mounted read-only: mount it writable');
  expect(stopped).toEqual(['/rec']);
});

test('a hanging disk is queried once, and open files are left to it', async () => {
  const { disk, disks, clock, begin, state, stopped, events } = setUpDisks();
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

test('a disk is not blamed for its silence while Perch itself gets no processor', async () => {
  const { disk, clock, begin, state } = setUpDisks();
  await begin();
  disk.isHanging = true;
  clock.busyShare = 0.9;
  await clock.advance(60_000);
  expect(state()?.state).toBe('ok');
  clock.busyShare = 0.1;
  await clock.advance(15_000);
  expect(state()?.state).toBe('hanging');
});

test('a disk that answers but finishes no write hangs until it does', async () => {
  const { disk, disks, clock, begin, state, stopped, hanging } = setUpDisks();
  await begin();
  hanging.add(disk.device);
  await clock.advance(10_000);
  expect(state()).toMatchObject({ state: 'hanging', error: expect.stringContaining('writes do not finish') });
  expect(disks.refusal('/rec/cam/1.mp4')).toContain('writes do not finish');
  expect(stopped).toEqual([]);
  hanging.clear();
  await clock.advance(10_000);
  expect(disks.refusal('/rec/cam/1.mp4')).toBeUndefined();
});

test('a disk with errors is a state and still tried: the recorder knows best', async () => {
  const { disk, disks, clock, begin, state } = setUpDisks();
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

test('a disk that hangs in a deletion delays neither checks nor deletions on another disk', async () => {
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
      read: (folder) => diskOf(folder).read(),
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
      delete: (doomed: DeletionCandidate) =>
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
