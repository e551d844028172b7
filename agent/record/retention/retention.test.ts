import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { makeRecording, type Writer } from '../../../test/support/disks/recording-files.ts';
import { asNobody, filesBelow, SegmentLogBook, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import { formatRecordPath } from '../file/record-path.ts';
import { type DeletionCandidate, Deletions } from './deletions.ts';
import { deleteExpired, keepRetention, pauseMs, type RetentionRules } from './retention.ts';
import { SegmentAges } from './segment-ages.ts';

const HOUR_MS = 3_600_000;

function setUp(folder: string, limits: Readonly<Record<string, number>>) {
  const recordPath = join(folder, '%path/%Y-%m-%d/%H-%M-%S-%f');
  const clock = new FakeClock();
  const log = new SegmentLogBook();
  const open = new Set<string>();
  const rules: RetentionRules = {
    recordPaths: () => [recordPath],
    isThere: async () => true,
    deleteAfterMs: (path) => limits[path],
    hasRecorded: () => false,
    shortestMs: () => Math.min(...Object.values(limits)),
  };
  // Deletions pause on the clock: here they do not wait.
  const hurried = {
    ...clock,
    monoMs: clock.monoMs,
    wallMs: clock.wallMs,
    every: () => () => {},
    sleep: async () => {},
  };
  const ages = new SegmentAges(log, clock);
  const ageMs = (file: string) => ages.ageMs(file);
  const state = { isClockTrusted: true, isProtected: (_path: string) => false };
  const deletions = new Deletions({
    clock: hurried,
    log,
    isOpen: (file) => open.has(file),
    protection: { fault: undefined, isProtected: (path) => state.isProtected(path) },
    isClockTrusted: () => state.isClockTrusted,
    logger: silentLogger,
  });
  const labels = new Map<string, number>();
  const labelUs = (file: string) => labels.get(file);
  const deps = { clock, deletions, ageMs, labelUs, logger: silentLogger };
  const make = (path: string, ageMs: number, writer: Writer = 'perch'): string =>
    makeRecording(formatRecordPath(recordPath, path, clock.wallMs() - ageMs, 'UTC'), writer);
  return { clock, log, ages, open, rules, deps, make, state, labels };
}

test('recordings older than the retention of their path are deleted, with folders that become empty', async () => {
  using folder = temporaryFolder();
  const { rules, deps, log, make } = setUp(folder.path, { cam: 24 * HOUR_MS, 'garden/gate': HOUR_MS });
  const old = [make('cam', 49 * HOUR_MS), make('cam', 24 * HOUR_MS), make('garden/gate', HOUR_MS + 1)];
  const kept = [make('cam', 24 * HOUR_MS - 1), make('garden/gate', HOUR_MS - 1)];
  const deleted = await deleteExpired(rules, deps, new AbortController().signal, 'UTC');
  expect(deleted.sort()).toEqual([...old].sort());
  expect(log.removedFiles.sort()).toEqual([...old].sort());
  expect(filesBelow(folder.path)).toEqual(kept.sort());
  expect(existsSync(dirname(old[0] ?? ''))).toBe(false);
  expect(existsSync(folder.path)).toBe(true);
});

test('recordings without a retention, unknown files, open files and foreign empty folders are kept', async () => {
  using folder = temporaryFolder();
  const { rules, deps, open, make } = setUp(folder.path, { cam: HOUR_MS });
  const opened = make('cam', 5 * HOUR_MS);
  open.add(opened);
  const unlimited = make('attic', 500 * HOUR_MS);
  const note = join(folder.path, 'cam/readme.txt');
  writeFileSync(note, 'x');
  mkdirSync(join(folder.path, 'cam/empty'));
  expect(await deleteExpired(rules, deps, new AbortController().signal, 'UTC')).toEqual([]);
  expect(filesBelow(folder.path)).toEqual([opened, unlimited, note].sort());
  expect(existsSync(join(folder.path, 'cam/empty'))).toBe(true);
});

test("recordings of MediaMTX expire like Perch's own; other files of such a name, and protected paths, are kept", async () => {
  using folder = temporaryFolder();
  const { rules, deps, make, state } = setUp(folder.path, { cam: HOUR_MS, door: HOUR_MS });
  const old = make('cam', 2 * HOUR_MS, 'mediamtx');
  const kept = [make('cam', 3 * HOUR_MS, 'unknown'), make('door', 2 * HOUR_MS)];
  state.isProtected = (path) => path === 'door';
  expect(await deleteExpired(rules, deps, new AbortController().signal, 'UTC')).toEqual([old]);
  expect(filesBelow(folder.path)).toEqual(kept.sort());
});

test('nothing expires before the clock is set', async () => {
  using folder = temporaryFolder();
  const { rules, deps, make, state } = setUp(folder.path, { cam: HOUR_MS });
  const old = make('cam', 2 * HOUR_MS);
  const { signal } = new AbortController();
  state.isClockTrusted = false;
  expect(await deleteExpired(rules, deps, signal, 'UTC')).toEqual([]);
  state.isClockTrusted = true;
  expect(await deleteExpired(rules, deps, signal, 'UTC')).toEqual([old]);
});

test('a recording named by a wrong clock in an earlier run expires by its true time, and never without one', async () => {
  using folder = temporaryFolder();
  const { clock, rules, deps, make, labels } = setUp(folder.path, { cam: HOUR_MS });
  const corrected = make('cam', 900 * HOUR_MS, 'perch without a clock');
  const unknown = make('cam', 800 * HOUR_MS, 'perch without a clock');
  labels.set(corrected, (clock.wallMs() - HOUR_MS / 2) * 1000);
  const { signal } = new AbortController();
  expect(await deleteExpired(rules, deps, signal, 'UTC')).toEqual([]);
  labels.set(corrected, (clock.wallMs() - 2 * HOUR_MS) * 1000);
  expect(await deleteExpired(rules, deps, signal, 'UTC')).toEqual([corrected]);
  expect(existsSync(unknown)).toBe(true);
});

test('recordings made with a wrong clock do not expire when the clock is set', async () => {
  using folder = temporaryFolder();
  const { clock, ages, rules, deps, make } = setUp(folder.path, { cam: HOUR_MS });
  const file = make('cam', 0);
  ages.opened({ path: 'cam', file, startUs: clock.wallMs() * 1000 });
  const older = make('cam', HOUR_MS / 2);
  clock.stepWall(900 * HOUR_MS);
  const { signal } = new AbortController();
  expect(await deleteExpired(rules, deps, signal, 'UTC')).toEqual([older]);
  await clock.advance(HOUR_MS - 1);
  expect(await deleteExpired(rules, deps, signal, 'UTC')).toEqual([]);
  await clock.advance(1);
  expect(await deleteExpired(rules, deps, signal, 'UTC')).toEqual([file]);
});

test('an unreadable system folder of a disk does not block deletion', async () => {
  using folder = temporaryFolder();
  const { rules, deps, make } = setUp(folder.path, { cam: HOUR_MS });
  const old = make('cam', 2 * HOUR_MS);
  mkdirSync(join(folder.path, 'lost+found'), { mode: 0o000 });
  const round = () => deleteExpired(rules, deps, new AbortController().signal, 'UTC');
  expect(await asNobody(folder.path, round)).toEqual([old]);
});

test('an unreadable path does not block deletion of other paths', async () => {
  using folder = temporaryFolder();
  const { rules, deps, make } = setUp(folder.path, { cam: HOUR_MS });
  const old = make('cam', 2 * HOUR_MS);
  const locked = join(folder.path, 'locked');
  mkdirSync(locked, { mode: 0o000 });
  const both = { ...rules, recordPaths: () => [join(locked, '%path/%s'), ...rules.recordPaths()] };
  const round = () => deleteExpired(both, deps, new AbortController().signal, 'UTC');
  expect(await asNobody(folder.path, round)).toEqual([old]);
});

test('a limit of zero keeps everything', async () => {
  using folder = temporaryFolder();
  const { rules, deps, make } = setUp(folder.path, { cam: 0 });
  make('cam', 9_000 * HOUR_MS);
  expect(await deleteExpired(rules, deps, new AbortController().signal, 'UTC')).toEqual([]);
});

test.for([
  [undefined, 30 * 60_000],
  [24 * HOUR_MS, 30 * 60_000],
  [10 * 60_000, 5 * 60_000],
  [1, 1_000],
] as const)('with a shortest limit of %s ms the next round follows after %s ms', ([shortest, pause]) => {
  expect(pauseMs({ shortestMs: () => shortest })).toBe(pause);
});

test('rounds repeat until they are stopped', async () => {
  using folder = temporaryFolder();
  const { clock, rules, deps, make } = setUp(folder.path, { cam: HOUR_MS });
  const file = make('cam', HOUR_MS - 60_000);
  const stop = new AbortController();
  const done = keepRetention(rules, { ...deps, clock }, stop.signal, 'UTC');
  await clock.advance(1);
  expect(existsSync(file)).toBe(true);
  await expect
    .poll(async () => {
      await clock.advance(600_000);
      return existsSync(file);
    })
    .toBe(false);
  stop.abort();
  await done;
});

test('a disk that hangs in a deletion does not block another disk', async () => {
  using folder = temporaryFolder();
  const { clock, deps, rules } = setUp(folder.path, { cam: HOUR_MS });
  const recordPaths = ['stuck', 'well'].map((top) => join(folder.path, top, '%path/%H-%M-%S-%f_%Y-%m-%d'));
  const [stuck = '', old = ''] = recordPaths.map((recordPath) =>
    makeRecording(formatRecordPath(recordPath, 'cam', clock.wallMs() - 2 * HOUR_MS, 'UTC'), 'perch'),
  );
  const asked: string[] = [];
  const deletions = {
    ageHold: undefined,
    delete: (doomed: DeletionCandidate) => {
      asked.push(doomed.file);
      return doomed.file === stuck ? new Promise<never>(() => {}) : deps.deletions.delete(doomed, 'age');
    },
    pause: async () => {},
    removeEmptyFolders: async () => {},
    endSweep: () => {},
  };
  const stop = new AbortController();
  const done = keepRetention({ ...rules, recordPaths: () => recordPaths }, { ...deps, deletions }, stop.signal, 'UTC');
  await expect
    .poll(async () => {
      await clock.advance(60_000);
      return existsSync(old);
    })
    .toBe(false);
  await clock.advance(6 * HOUR_MS);
  expect(asked.filter((file) => file === stuck)).toHaveLength(1);
  stop.abort();
  await clock.advance(60_000);
  await done;
});

test('a shorter retention takes effect within a minute', async () => {
  using folder = temporaryFolder();
  const limits: Record<string, number> = { cam: 720 * HOUR_MS };
  const { rules, deps, clock, make } = setUp(folder.path, limits);
  const file = make('cam', 2 * HOUR_MS);
  const stop = new AbortController();
  const done = keepRetention(rules, deps, stop.signal, 'UTC');
  await vi.waitFor(() => expect(clock.sleeping).toBe(1));
  limits['cam'] = 60_000;
  await clock.advance(60_000);
  await vi.waitFor(() => expect(existsSync(file)).toBe(false));
  stop.abort();
  await clock.advance(60_000);
  await done;
});
