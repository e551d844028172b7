import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Clock } from '../../agent/base/clock.ts';
import { PerchError } from '../../agent/base/errors.ts';
import {
  askForUpdate,
  UPDATE_ID as ID,
  NEW,
  OLD,
  quickClock,
  UpdaterMachine,
  updaterOn,
  updaterPaths,
} from '../../test/support/harness/updater-machine.ts';
import type { Status } from './journal.ts';

let paths: ReturnType<typeof updaterPaths>;
let disk: UpdaterMachine;
beforeEach(() => {
  paths = updaterPaths();
  disk = new UpdaterMachine(paths);
});
afterEach(() => rmSync(paths.folder, { recursive: true }));

const updater = (clock = quickClock()) => updaterOn(paths, disk, clock);
const ask = (version = NEW, options: Parameters<typeof askForUpdate>[2] = {}) => askForUpdate(paths, version, options);

const status = (): Status => JSON.parse(readFileSync(join(paths.own, 'status.json'), 'utf8'));
/** The time limit of the service. */
const HALF_AN_HOUR_MS = 1_800_000;
/** Behaviour of dpkg until it is killed. */
const standStill =
  (clock: Clock) =>
  async (limitMs: number): Promise<void> => {
    await clock.sleep(limitMs, new AbortController().signal);
    throw new PerchError('timeout', 'dpkg has not come to an end');
  };
const isUnderWay = (): boolean => existsSync(join(paths.own, 'journal.json'));

test('an update waits for other programs that install packages', async () => {
  disk.locks = 50;
  ask();
  await updater().update();
  expect(status()).toMatchObject({ ok: true, state: 'good', to: NEW });
});

test("an update that fails because another program keeps dpkg's lock has changed nothing", async () => {
  disk.locks = 1_000_000;
  ask();
  await updater().update();
  expect(status()).toMatchObject({ id: ID, ok: false, state: 'failed', why: 'busy' });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
  expect(isUnderWay()).toBe(false);
});

test('the version before is put back as soon as nothing else installs packages', async () => {
  disk.ills = { [NEW]: 'dead' };
  const { restart } = disk;
  disk.restart = async () => {
    await restart();
    disk.locks = 50;
  };
  ask();
  await updater().update();
  expect(status()).toMatchObject({ state: 'gone back', why: 'notStarted' });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
});

test("while another program keeps dpkg's lock, the updater ends before systemd's timeout and restores the rest later", async () => {
  disk.ills = { [NEW]: 'dead' };
  const { restart } = disk;
  disk.restart = async () => {
    await restart();
    disk.locks = 1_000_000;
  };
  ask();
  const clock = quickClock();
  await expect(updater(clock).update()).rejects.toMatchObject({ code: 'conflict' });
  expect(clock.monoMs()).toBeLessThan(HALF_AN_HOUR_MS);
  disk.restart = restart;
  disk.locks = 0;
  await updater().watch();
  expect(status()).toMatchObject({ state: 'gone back', why: 'notStarted' });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
});

test('while dpkg hangs, Perch is started after five minutes each time, and the rest is restored as soon as dpkg works', async () => {
  disk.ills = { [NEW]: 'dead' };
  const clock = quickClock();
  const { install } = disk;
  const stand = standStill(clock);
  disk.configureAll = stand;
  disk.install = (files, limitMs) =>
    files.some((one) => one.includes(OLD)) ? stand(limitMs) : install(files, limitMs);
  ask();
  await expect(updater(clock).update()).rejects.toMatchObject({ code: 'timeout' });
  expect(clock.monoMs()).toBeLessThan(HALF_AN_HOUR_MS);
  for (let starts = 0; starts < 5; starts += 1) {
    const beforeMs = clock.monoMs();
    await expect(updater(clock).resume()).rejects.toMatchObject({ code: 'timeout' });
    expect(clock.monoMs() - beforeMs).toBeLessThanOrEqual(300_000);
    await expect(updater(clock).watch()).rejects.toMatchObject({ code: 'timeout' });
    expect(clock.monoMs() - beforeMs).toBeLessThan(300_000 + HALF_AN_HOUR_MS);
  }
  disk.install = install;
  await updater(clock).resume();
  expect(status()).toMatchObject({ state: 'gone back', why: 'notStarted' });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
});

test('an update that makes dpkg hang is reverted at once', async () => {
  const clock = quickClock();
  const { install } = disk;
  disk.install = (files, limitMs) =>
    files.some((one) => one.includes(NEW)) ? standStill(clock)(limitMs) : install(files, limitMs);
  ask();
  await updater(clock).update();
  expect(status()).toMatchObject({ ok: false, state: 'gone back', why: 'notInstalled' });
});

test('an update is rejected while the previous one cannot be rolled back, and the journal stays', async () => {
  disk.ills = { [NEW]: 'dead', [OLD]: 'uninstallable' };
  ask();
  await expect(updater().update()).rejects.toThrow('it cannot be installed');
  ask('1.2.0');
  await expect(updater().update()).rejects.toThrow('it cannot be installed');
  expect(readdirSync(paths.requests)).toEqual([]);
  expect(JSON.parse(readFileSync(join(paths.answers, 'update.json'), 'utf8'))).toMatchObject({
    ...{ id: ID, ok: false, state: 'refused' },
    text: 'the previous update is not finished: dpkg: it cannot be installed',
  });
  disk.ills = {};
  await updater().watch();
  expect(status()).toMatchObject({ state: 'gone back', from: OLD });
});

test('if the previous version cannot be restored, a complete Perch is started at once, and three tries are the limit', async () => {
  disk.ills = { [NEW]: 'dead', [OLD]: 'uninstallable' };
  ask();
  await expect(updater().update()).rejects.toThrow('it cannot be installed');
  expect(disk.installed).toEqual({ perch: NEW, 'perch-node': NEW });
  await expect(updater().resume()).rejects.toThrow('it cannot be installed');
  expect(isUnderWay()).toBe(true);
  await updater().resume();
  expect(status()).toMatchObject({ id: ID, ok: false, state: 'failed', why: 'notPutBack' });
  expect(isUnderWay()).toBe(false);
  expect(readdirSync(paths.own).sort()).toEqual(['kept', 'status.json']);
  disk.ills = {};
  ask('1.2.0');
  await updater().update();
  expect(disk.installed).toEqual({ perch: '1.2.0', 'perch-node': '1.2.0' });
});

test('after an updater that was ended during the installation, the next one reverts without hanging in the same place', async () => {
  const { install } = disk;
  const { promise: isStanding, resolve } = Promise.withResolvers<void>();
  disk.install = async () => {
    disk.installed = { ...disk.installed, perch: 'half' };
    resolve();
    await new Promise(() => {});
  };
  ask();
  void updater().update();
  await isStanding;
  disk.install = install;
  await updater().watch();
  expect(status()).toMatchObject({ ok: false, state: 'gone back', why: 'notInstalled', from: OLD });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
});
