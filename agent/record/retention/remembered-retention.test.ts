import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { type Config, parseConfig } from '../../config/load/load.ts';
import { RememberedRetention } from './remembered-retention.ts';

const DAY_MS = 86_400_000;
const HERE = '/disk/%path/%s-%f';
const THERE = '/other/%path/%s-%f';

/** Perch with a configuration that changes. `start` restarts it with the remembered limits. */
function setUp(folder: string) {
  const state = {
    config: configOf(''),
    isSameDisk: true,
    nowMs: 100 * DAY_MS,
    isClockTrusted: true,
  };
  const file = join(folder, 'kept-for.json');
  const make = () =>
    new RememberedRetention({
      file,
      config: () => state.config,
      wallMs: () => state.nowMs,
      isClockTrusted: () => state.isClockTrusted,
      recordPaths: () => {
        const all = [...state.config.paths.values()].map(({ settings }) => settings?.recordPath);
        return [...new Set([state.config.pathDefaults.recordPath, ...all])].filter((one) => one !== undefined);
      },
      isSameDisk: async () => state.isSameDisk,
    });
  let limits = make();
  return {
    state,
    file,
    get limits() {
      return limits;
    },
    set(paths: string) {
      state.config = configOf(paths);
      limits.configured();
    },
    async start() {
      await limits.close();
      limits = make();
      await limits.load();
      limits.configured();
    },
  };
}

function configOf(text: string): Config {
  const { config, problems } = parseConfig(
    `perch: own\n${text}`,
    'perch.yml',
    {},
    { recordPath: HERE, cwd: '/', keys: KEYS },
  );
  if (!config) {
    throw new Error(JSON.stringify(problems));
  }
  return config;
}

test('recordings of a removed camera keep its retention, also after a restart', async () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  box.set('paths:\n  door: { recordDeleteAfter: 14d }\n  barn: { recordDeleteAfter: 0s }\n');
  box.set('paths:\n  door: { recordDeleteAfter: 30d }\n  barn: { recordDeleteAfter: 0s }\n');
  box.set('paths: {}\n');
  for (const when of ['at once', 'after a start']) {
    expect(box.limits.deleteAfterMs('door', HERE), when).toBe(30 * DAY_MS);
    expect(box.limits.deleteAfterMs('barn', HERE), when).toBeUndefined();
    expect(box.limits.deleteAfterMs('missing', HERE), when).toBeUndefined();
    expect(box.limits.shortestMs(), when).toBe(30 * DAY_MS);
    await box.start();
  }
});

test('a new camera with the name of a removed one does not shorten its retention until those recordings expire or the owner changes it', async () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  const set = (age: string) => box.set(`paths:\n  door: { recordDeleteAfter: ${age} }\n`);
  const days = () => (box.limits.deleteAfterMs('door', HERE) ?? Number.POSITIVE_INFINITY) / DAY_MS;
  set('30d');
  set('14d');
  expect(days(), 'the owner has chosen it for this camera').toBe(14);
  box.set('paths: {}\n');
  set('3d');
  expect(days()).toBe(14);
  await box.start();
  expect(days(), 'after a start').toBe(14);
  box.state.nowMs += 14 * DAY_MS;
  expect(days(), 'the last of them is old enough').toBe(3);

  box.set('paths: {}\n');
  await box.start();
  set('2d');
  expect(days(), 'removed before a start').toBe(3);
  set('1d');
  expect(days(), 'chosen again').toBe(1);
  box.set('paths: {}\n');
  set('0s');
  box.set('paths: {}\n');
  set('5d');
  expect(days(), 'the one before was kept for ever').toBe(Number.POSITIVE_INFINITY);
});

test('recordings of a removed camera are kept if its name returned before the clock was set, until the owner changes the retention', () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  const set = (age: string) => box.set(`paths:\n  door: { recordDeleteAfter: ${age} }\n`);
  set('30d');
  box.set('paths: {}\n');
  Object.assign(box.state, { nowMs: 0, isClockTrusted: false });
  set('3d');
  Object.assign(box.state, { nowMs: 100 * DAY_MS, isClockTrusted: true });
  expect(box.limits.deleteAfterMs('door', HERE)).toBe(30 * DAY_MS);
  set('2d');
  expect(box.limits.deleteAfterMs('door', HERE)).toBe(2 * DAY_MS);
});

test('the size limit of a pattern does not apply to a removed camera whose name it matches', () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  box.set('paths:\n  door: { recordMaxSize: 1G }\n');
  expect(box.limits.settingsFor('door')?.recordMaxSizeBytes).toBe(2 ** 30);
  box.set('paths:\n  all_others: { recordMaxSize: 10M }\n');
  expect(box.limits.settingsFor('door')).toBeUndefined();
  expect(box.limits.settingsFor('another')?.recordMaxSizeBytes).toBe(10 * 2 ** 20);
});

test("recordings in a camera's former folder follow its current retention", () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  box.set('paths:\n  door: { recordDeleteAfter: 14d }\n');
  box.set(`pathDefaults: { recordPath: ${THERE} }\npaths:\n  door: { recordDeleteAfter: 14d }\n`);
  expect(box.limits.recordPaths()).toEqual([THERE, HERE]);
  expect(box.limits.deleteAfterMs('door', HERE)).toBe(14 * DAY_MS);
  box.set(`pathDefaults: { recordPath: ${THERE} }\npaths:\n  door: { recordDeleteAfter: 0s }\n`);
  expect(box.limits.deleteAfterMs('door', HERE)).toBeUndefined();
  // It has never recorded there: that is another's.
  expect(box.limits.deleteAfterMs('door', '/third/%path/%s-%f')).toBeUndefined();
});

test('another disk at the place of the recording disk is not touched', async () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  box.set('paths:\n  door: { recordDeleteAfter: 14d }\n');
  box.state.isSameDisk = false;
  expect(await box.limits.isThere(HERE)).toBe(true);
  box.set(`pathDefaults: { recordPath: ${THERE} }\npaths:\n  door: { recordDeleteAfter: 14d }\n`);
  expect(await box.limits.isThere(HERE)).toBe(false);
  box.state.isSameDisk = true;
  expect(await box.limits.isThere(HERE)).toBe(true);
});

test('no recording of a path expires while its entry is invalid', () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  box.set('paths:\n  door: { recordDeleteAfter: 14d }\n');
  box.set('paths:\n  door: { recordDeleteAfter: 14d, record: perhaps }\n');
  expect(box.limits.deleteAfterMs('door', HERE)).toBeUndefined();
});

test('a pattern that matches the name of a removed camera does not shorten its retention', () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  box.set('paths:\n  door: { recordDeleteAfter: 30d }\n  all_others: { recordDeleteAfter: 1d }\n');
  box.set('paths:\n  all_others: { recordDeleteAfter: 1d }\n');
  expect(box.limits.deleteAfterMs('door', HERE)).toBe(30 * DAY_MS);
  expect(box.limits.deleteAfterMs('guest', HERE)).toBe(DAY_MS);
  // A new recording under this name by the pattern is intended.
  box.limits.recorded('door');
  expect(box.limits.deleteAfterMs('door', HERE)).toBe(DAY_MS);
  box.set('paths:\n  all_others: { recordDeleteAfter: 2d }\n');
  box.set('paths: {}\n');
  expect(box.limits.deleteAfterMs('door', HERE)).toBe(2 * DAY_MS);
  expect(box.limits.deleteAfterMs('guest', HERE)).toBeUndefined();
});

test('damaged entries are ignored, and complete ones are kept', async () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  const good = { entry: 'door', deleteAfterMs: DAY_MS, recordPaths: [HERE, 7] };
  const paths = { door: good, barn: { ...good, deleteAfterMs: -1 }, gate: { ...good, entry: 7 }, shed: null };
  writeFileSync(box.file, JSON.stringify({ version: 1, paths }));
  await box.start();
  expect(['door', 'barn', 'gate', 'shed'].map((path) => box.limits.deleteAfterMs(path, HERE))).toEqual([
    DAY_MS,
    ...[undefined, undefined, undefined],
  ]);
  await box.limits.close();
  writeFileSync(box.file, '{');
  await box.start();
  expect(box.limits.deleteAfterMs('door', HERE)).toBeUndefined();
  await box.limits.close();
  expect(box.limits.fault).toMatchObject({ file: box.file, why: 'damaged' });
  expect(readFileSync(`${box.file}.damaged`, 'utf8')).toBe('{');
});

test('an unchanged configuration is not written again', async () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  box.set('paths:\n  door: { recordDeleteAfter: 14d }\n');
  await box.limits.close();
  writeFileSync(box.file, 'still the one of before');
  box.set('paths:\n  door: { recordDeleteAfter: 14d, sourceOnDemand: yes, source: rtsp://127.0.0.9/1 }\n');
  await box.limits.close();
  expect(readFileSync(box.file, 'utf8')).toBe('still the one of before');
});

test('events of a path are kept as long as its recordings, wherever those are', () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  box.set('paths:\n  door: { recordDeleteAfter: 30d }\n  barn: { recordDeleteAfter: 0s }\n');
  box.set('paths:\n  all_others: { recordDeleteAfter: 1d }\n');
  const kept = () => ['door', 'barn', 'guest'].map((path) => box.limits.keptMs(path));
  expect(kept()).toEqual([30 * DAY_MS, undefined, DAY_MS]);
  box.set('paths: {}\n');
  expect(kept()).toEqual([30 * DAY_MS, undefined, undefined]);
  box.set('paths:\n  door: { recordDeleteAfter: 30d, record: perhaps }\n');
  expect(kept()).toEqual([undefined, undefined, undefined]);
});

test('a failed write is retried', async () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  mkdirSync(box.file);
  box.set('paths:\n  door: { recordDeleteAfter: 30d }\n');
  await box.limits.close();
  rmdirSync(box.file);
  box.limits.configured();
  await box.limits.close();
  expect(readFileSync(box.file, 'utf8')).toContain('door');
});

test('the retention of a removed camera survives any number of names from patterns', async () => {
  using folder = temporaryFolder();
  const box = setUp(folder.path);
  box.set('paths:\n  all_others: { recordDeleteAfter: 1d }\n');
  await box.limits.close();
  const limit = (entry: string, deleteAfterMs: number) => ({ entry, deleteAfterMs, recordPaths: [HERE] });
  const guests = Array.from({ length: 2_500 }, (_, i) => [`guest/${i}`, limit('all_others', DAY_MS)] as const);
  const paths = { barn: limit('barn', 0), ...Object.fromEntries(guests) };
  writeFileSync(box.file, JSON.stringify({ version: 1, paths }));
  for (const when of ['at once', 'after a start']) {
    await box.start();
    expect(box.limits.deleteAfterMs('barn', HERE), when).toBeUndefined();
    expect(box.limits.deleteAfterMs('guest/7', HERE), when).toBe(DAY_MS);
  }
  await box.limits.close();
  expect(Object.keys(JSON.parse(readFileSync(box.file, 'utf8')).paths)).toHaveLength(2_000);
});
