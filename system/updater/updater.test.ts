import { generateKeyPairSync } from 'node:crypto';
import files, {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  type StatsFs,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import {
  askForSystem,
  askForUpdate,
  UPDATE_ID as ID,
  NEW,
  OLD,
  quickClock,
  UPDATE_KEYS,
  UpdaterMachine,
  updaterOn,
  updaterPaths,
} from '../../test/support/harness/updater-machine.ts';
import { debian } from './debian.ts';
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
const kept = (): readonly string[] => readdirSync(join(paths.own, 'kept')).sort();
/** A file may have been closed since its folder was read. */
const readlinkIfThere = (link: string): string => {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
};

const isUnderWay = (): boolean => existsSync(join(paths.own, 'journal.json'));

test('a good update is installed, watched and kept for the next one to go back to', async () => {
  ask();
  await updater().update();
  expect(status()).toMatchObject({ id: ID, ok: true, state: 'good', from: OLD, to: NEW });
  expect(disk.installed).toEqual({ perch: NEW, 'perch-node': NEW });
  expect(kept()).toEqual([`perch-node_${NEW}_amd64.deb`, `perch_${NEW}_all.deb`]);
  expect(readdirSync(paths.requests)).toEqual([]);
  expect(readdirSync(paths.own).sort()).toEqual(['kept', 'status.json']);
  expect(disk.repacked).toHaveLength(2);

  ask('1.2.0');
  await updater().update();
  expect(status()).toMatchObject({ ok: true, from: NEW, to: '1.2.0' });
  expect(disk.repacked).toHaveLength(2);
});

test.for([
  ['dead', 'notStarted'],
  ['unhealthy', 'unhealthy'],
  ['silent', 'notRecording'],
  ['uninstallable', 'notInstalled'],
] as const)('a new version that is %s is replaced by the previous one', async ([ill, why]) => {
  disk.ills = { [NEW]: ill };
  ask(NEW, { folders: ['/srv/recordings/door'] });
  await updater().update();
  expect(status()).toMatchObject({ id: ID, ok: false, state: 'gone back', why, from: OLD, to: NEW });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
  expect(disk.running).toBe(OLD);
  expect(isUnderWay()).toBe(false);
});

test('an unhealthy box may stay unhealthy with the new version, but must record the same cameras', async () => {
  disk.ills = { [OLD]: 'unhealthy', [NEW]: 'unhealthy', '1.2.0': 'silent' };
  ask(NEW, { folders: ['/srv/recordings/door'] });
  await updater().update();
  expect(status()).toMatchObject({ ok: true, state: 'good', from: OLD, to: NEW });
  ask('1.2.0', { folders: ['/srv/recordings/door'] });
  await updater().update();
  expect(status()).toMatchObject({ ok: false, state: 'gone back', why: 'notRecording', from: NEW });
});

test('the new version must record each camera that was recorded before, except offline ones', async () => {
  const folders = ['/srv/door', '/srv/yard', '/srv/gate'];
  disk.away = ['/srv/gate'];
  ask(NEW, { folders });
  await updater().update();
  expect(status()).toMatchObject({ ok: true, state: 'good', to: NEW });
  const { restart } = disk;
  disk.restart = async () => {
    await restart();
    disk.away = ['/srv/yard', '/srv/gate'];
  };
  ask('1.2.0', { folders });
  await updater().update();
  expect(status()).toMatchObject({ ok: false, state: 'gone back', why: 'notRecording', from: NEW });
  expect(status().text).toBe('the new version recorded nothing in /srv/yard within 60 s');
});

test('a whole system is passed to the program of the image, by the file that was opened', async () => {
  const update = askForSystem(paths);
  await updater().update();
  expect(disk.systems).toEqual([{ id: ID, bytes: update }]);
  expect(disk.installed.perch).toBe(OLD);
  expect(readdirSync(paths.requests)).toEqual([]);
  // That program says what becomes of it.
  expect(existsSync(join(paths.own, 'status.json'))).toBe(false);
});

test.for([
  ['an older one', OLD, UPDATE_KEYS.privateKey, 'same'],
  ['one that another key signed', NEW, generateKeyPairSync('ed25519').privateKey, 'notSigned'],
] as const)('of whole systems %s is not passed on', async ([, version, key, why]) => {
  askForSystem(paths, version, key);
  await updater().update();
  expect(disk.systems).toEqual([]);
  expect(status()).toMatchObject({ id: ID, ok: false, state: 'refused', why });
});

test('while a system is tried no packages are installed', async () => {
  disk.hasTrial = true;
  ask();
  await updater().update();
  expect(status()).toMatchObject({ id: ID, ok: false, state: 'refused', why: 'onTrial' });
  expect(disk.installed.perch).toBe(OLD);
});

test.for([
  ['packages', () => ask()],
  ['a system of this version', () => askForSystem(paths, OLD)],
  ['nothing valid', () => ask(NEW, { key: generateKeyPairSync('ed25519').privateKey })],
] as const)('an update of %s that is refused during a trial leaves the note of the trial', async ([, request]) => {
  disk.hasTrial = true;
  const trial = { id: ID, ok: true, state: 'waiting', text: 'tried', from: '0.9.0', to: OLD };
  mkdirSync(paths.own, { recursive: true });
  writeFileSync(join(paths.own, 'status.json'), JSON.stringify(trial));
  request();
  await updater().update();
  expect(status()).toEqual(trial);
  const said: Status = JSON.parse(readFileSync(join(paths.answers, 'update.json'), 'utf8'));
  expect(said).toMatchObject({ id: ID, ok: false, state: 'refused' });
});

test('without that program a whole system is refused with the reason', async () => {
  askForSystem(paths);
  disk.installSystem = debian.installSystem;
  await updater().update();
  expect(status()).toMatchObject({ id: ID, ok: false, state: 'refused', why: 'noSecondSystem' });
  expect(readdirSync(paths.requests)).toEqual([]);
});

test('nothing has to be recorded where nothing was', async () => {
  disk.ills = { [NEW]: 'silent' };
  ask();
  await updater().update();
  expect(status().state).toBe('good');
});

test.for([
  ['older', 'an older version', () => ask('0.9.0')],
  ['same', 'the version that is there', () => ask(OLD)],
  [
    'notSigned',
    'an update signed with another key',
    () => ask(NEW, { key: generateKeyPairSync('ed25519').privateKey }),
  ],
  [
    'damaged',
    'a file that was changed',
    () => {
      ask();
      const file = join(paths.requests, 'update.perchupdate');
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.fill(0, bytes.length - 1));
    },
  ],
  [
    'failed',
    'a link in the place of the file',
    () => {
      ask();
      const file = join(paths.requests, 'update.perchupdate');
      rmSync(file);
      symlinkSync('/etc/passwd', file);
    },
  ],
] as const)('%s: %s is refused and nothing is touched', async ([why, , prepare]) => {
  prepare();
  await updater().update();
  expect(status()).toMatchObject({ id: ID, ok: false, state: 'refused', why });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
  expect(readdirSync(paths.requests)).toEqual([]);
  expect(existsSync(join(paths.own, 'work'))).toBe(false);
});

test('an update without enough space is rejected before anything is unpacked, with the required size', async () => {
  const { statfsSync } = files;
  const use = (one: typeof statfsSync) => {
    files.statfsSync = one;
    syncBuiltinESMExports();
  };
  use(((folder: string): StatsFs => Object.assign(statfsSync(folder), { bavail: 0 })) as typeof statfsSync);
  onTestFinished(() => use(statfsSync));
  ask();
  await updater().update();
  expect(status()).toMatchObject({ ok: false, state: 'refused', why: 'room' });
  expect(status().text).toMatch(/^the update needs [1-9]\d* bytes on the disk of .*, 0 are free$/);
  expect(readdirSync(paths.own)).toEqual(['status.json']);
});

test('if dpkg cannot run the scripts of packages, no update begins', async () => {
  disk.isNoExec = true;
  ask();
  await updater().update();
  expect(status()).toMatchObject({ ok: false, state: 'refused', why: 'noExec' });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
});

test('if a kept Node cannot be started, no update begins', async () => {
  disk.mayRun = (file) => !file.endsWith('good/node');
  ask();
  await updater().update();
  expect(status()).toMatchObject({ ok: false, state: 'refused', why: 'noExec' });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
});

test('a kept package that is damaged is rebuilt before use', async () => {
  ask();
  await updater().update();
  writeFileSync(join(paths.own, 'kept', `perch_${NEW}_all.deb`), '');
  disk.ills = { '1.2.0': 'dead' };
  ask('1.2.0');
  await updater().update();
  expect(disk.repacked.slice(2)).toEqual([`perch_${NEW}_all.deb`]);
  expect(status()).toMatchObject({ state: 'gone back', from: NEW });
  expect(disk.installed).toEqual({ perch: NEW, 'perch-node': NEW });
});

test('a folder of requests that is a link is not looked into', async () => {
  const elsewhere = join(paths.folder, 'elsewhere');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'update.json'), '{}');
  rmSync(paths.requests, { recursive: true });
  symlinkSync(elsewhere, paths.requests);
  const clock = quickClock();
  await expect(updater(clock).update()).rejects.toThrow();
  expect(readdirSync(elsewhere)).toEqual(['update.json']);
  // The request is still there, and systemd starts the updater again at once.
  expect(clock.monoMs()).toBeGreaterThanOrEqual(5_000);
});

test('files are flushed before their journal entry', async () => {
  ask();
  // The power is cut while everything is being written before the first package is installed.
  const atInstall: string[][] = [];
  const { install } = disk;
  disk.install = async (files, limitMs) => {
    atInstall.push([...disk.synced]);
    await install(files, limitMs);
  };
  await updater().update();
  expect(atInstall[0]).toEqual(
    expect.arrayContaining([
      ...['good/run', 'good/updater.cjs', 'good/node', `work/perch_${NEW}_all.deb`],
      ...[`kept/perch_${OLD}_all.deb`, `kept/perch-node_${OLD}_amd64.deb`],
    ]),
  );
  expect(atInstall[0]).not.toContain('journal.json');
});

test('a request withdrawn meanwhile ends quietly, and the file of the next one is kept', async () => {
  ask();
  rmSync(join(paths.requests, 'update.json'));
  const clock = quickClock();
  await updater(clock).update();
  expect(readdirSync(paths.requests)).toEqual(['update.perchupdate']);
  expect(clock.monoMs()).toBe(0);
});

test.for([
  ['good', ask],
  ['not signed', () => ask(NEW, { key: generateKeyPairSync('ed25519').privateKey })],
] as const)('the file of an update that is %s is closed after reading', async ([, prepare]) => {
  const open = (): readonly string[] =>
    readdirSync('/proc/self/fd')
      .map((handle) => readlinkIfThere(`/proc/self/fd/${handle}`))
      .filter((file) => file.startsWith(paths.requests) && file.includes('update.perchupdate'));
  const atInstall: (readonly string[])[] = [];
  const { install } = disk;
  disk.install = async (files, limitMs) => {
    atInstall.push(open());
    await install(files, limitMs);
  };
  prepare();
  await updater().update();
  expect([...atInstall, open()].flat()).toEqual([]);
});

test('the file of an invalid request is removed', async () => {
  ask();
  writeFileSync(join(paths.requests, 'update.json'), '{}');
  await updater().update();
  expect(readdirSync(paths.requests)).toEqual([]);
});
