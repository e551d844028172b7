import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Clock } from '../../agent/base/clock.ts';
import { PerchError } from '../../agent/base/errors.ts';
import { byLength } from '../../test/peers/peers.ts';
import type { PackageName, UpdatePackage } from '../update/manifest.ts';
import { writeHeader } from '../update/update-file.ts';
import type { Machine } from './debian.ts';
import type { Status } from './journal.ts';
import { type Places, Updater } from './updater.ts';

const KEYS = generateKeyPairSync('ed25519');
const ID = '0123456789abcdef0123456789abcdef';
const OLD = '1.0.0';
const NEW = '1.1.0';

let folder: string;
let places: Places;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-updater-'));
  const at = (name: string): string => join(folder, name);
  places = { requests: at('requests'), answers: at('run'), own: at('own'), program: at('program'), node: at('node') };
  for (const one of [places.requests, places.own, places.program]) {
    mkdirSync(one);
  }
  for (const file of [join(places.program, 'run'), join(places.program, 'updater.cjs'), places.node]) {
    writeFileSync(file, 'program');
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the machine has on its disk, which outlives the updater. */
class Disk implements Machine {
  installed: Record<PackageName, string> = { perch: OLD, 'perch-node': OLD };
  running = OLD;
  /** Versions that do not start, that are not healthy, that do not record. */
  ills: Readonly<Record<string, 'dead' | 'unhealthy' | 'silent' | 'uninstallable'>> = {};
  /** So often another program has dpkg's lock. */
  locks = 0;
  /** What was on the disk for certain when it was last told to write everything, without what lies in `kept`. */
  synced: readonly string[] = [];
  /** After so many things that happen the power is cut, for each time that the machine is started. */
  cuts: number[] = [];
  happened = 0;
  readonly repacked: string[] = [];
  #recordedBytes = 0;
  #cut: () => void = () => {};

  /** Nothing goes on after a cut. */
  async run(work: () => Promise<void>): Promise<'done' | 'cut'> {
    const cut = new Promise<'cut'>((resolve) => {
      this.#cut = () => resolve('cut');
    });
    return Promise.race([work().then(() => 'done' as const), cut]);
  }

  async #happens(): Promise<void> {
    this.happened += 1;
    const [left = 1] = this.cuts;
    if (left === 0) {
      this.cuts.shift();
      this.#cut();
      await new Promise(() => {});
    }
    this.cuts.splice(0, 1, ...(this.cuts.length > 0 ? [left - 1] : []));
  }

  architecture = async (): Promise<string> => 'amd64';
  versionOf = async (name: PackageName): Promise<string | undefined> => {
    const version = this.installed[name];
    return version === 'half' ? undefined : version;
  };
  install = async (files: readonly string[]): Promise<void> => {
    if (this.locks > 0) {
      this.locks -= 1;
      throw new PerchError('conflict', 'another program installs packages on this machine');
    }
    for (const file of files) {
      const [name = '', version = ''] = basename(file).split('_');
      expect(existsSync(file), file).toBe(true);
      expect(existsSync(join(places.answers, 'update.hold'))).toBe(true);
      await this.#happens();
      this.installed[name as PackageName] = 'half';
      await this.#happens();
      if (this.ills[version] === 'uninstallable') {
        throw new Error('dpkg: it cannot be installed');
      }
      this.installed[name as PackageName] = version;
    }
  };
  configureAll = async (): Promise<void> => {
    await this.#happens();
  };
  repack = async (name: PackageName, file: string): Promise<void> => {
    await this.#happens();
    this.repacked.push(basename(file));
    writeFileSync(file, `made of the installed ${name}`);
  };
  restart = async (): Promise<void> => {
    await this.#happens();
    this.running = this.installed.perch;
  };
  reload = async (): Promise<void> => {
    await this.#happens();
  };
  mainPid = async (): Promise<number> => {
    await this.#happens();
    return this.ills[this.running] === 'dead' || this.running === 'half' ? 0 : 100;
  };
  isHealthy = async (host: string, port: number): Promise<boolean> => {
    expect([host, port]).toEqual(['127.0.0.1', 8080]);
    return this.ills[this.running] !== 'unhealthy';
  };
  isAnswering = async (): Promise<boolean> => true;
  recordings = (folders: readonly string[]): ReadonlyMap<string, number> => {
    this.#recordedBytes += this.ills[this.running] === 'silent' ? 0 : 1;
    return new Map(folders.map((one) => [`${one}/1.mp4`, this.#recordedBytes]));
  };
  sync = async (): Promise<void> => {
    await this.#happens();
    this.synced = readdirSync(places.own, { recursive: true, encoding: 'utf8' });
  };
}

/** Nobody waits in it. */
function quickClock(): Clock {
  let nowMs = 0;
  const sleep = async (ms: number) => {
    nowMs += ms;
    await Promise.resolve();
  };
  return { monoMs: () => nowMs, wallMs: () => Date.UTC(2026, 0, 1) + nowMs, sleep, every: () => () => {} };
}

const updater = (disk: Disk, clock = quickClock()): Updater =>
  new Updater({ places, keys: [KEYS.publicKey], machine: disk, clock, say: () => {} });

function ask(version = NEW, { key = KEYS.privateKey, folders = [] as string[] } = {}): void {
  const bytes = Buffer.from(`the package of ${version}`);
  const sha512 = createHash('sha512').update(bytes).digest('hex');
  const one = (more: object) => ({ version, sizeBytes: bytes.length, sha512, ...more }) as UpdatePackage;
  const packages = [
    one({ name: 'perch', architecture: 'all' }),
    one({ name: 'perch-node', architecture: 'amd64' }),
    one({ name: 'perch-node', architecture: 'arm64' }),
  ];
  const header = writeHeader({ version, made: '2026-11-21T08:00:00Z', packages }, key);
  writeFileSync(join(places.requests, 'update.perchupdate'), Buffer.concat([header, bytes, bytes, bytes]));
  writeFileSync(
    join(places.requests, 'update.json'),
    JSON.stringify({ id: ID, host: '127.0.0.1', port: 8080, folders }),
  );
}

const status = (): Status => JSON.parse(readFileSync(join(places.own, 'status.json'), 'utf8'));
const kept = (): readonly string[] => readdirSync(join(places.own, 'kept')).sort();
const isUnderWay = (): boolean => existsSync(join(places.own, 'journal.json'));

test('a good update is installed, watched and kept for the next one to go back to', async () => {
  const disk = new Disk();
  ask();
  await updater(disk).update();
  expect(status()).toMatchObject({ id: ID, ok: true, state: 'good', from: OLD, to: NEW });
  expect(disk.installed).toEqual({ perch: NEW, 'perch-node': NEW });
  expect(kept()).toEqual([`perch-node_${NEW}_amd64.deb`, `perch_${NEW}_all.deb`]);
  expect(readdirSync(places.requests)).toEqual([]);
  expect(readdirSync(places.own).sort()).toEqual(['kept', 'status.json']);
  expect(disk.repacked).toHaveLength(2);

  ask('1.2.0');
  await updater(disk).update();
  expect(status()).toMatchObject({ ok: true, from: NEW, to: '1.2.0' });
  expect(disk.repacked).toHaveLength(2);
});

test.for([
  ['dead', 'notStarted'],
  ['unhealthy', 'unhealthy'],
  ['silent', 'notRecording'],
  ['uninstallable', 'notInstalled'],
] as const)('a new version that is %s gives way to the one before', async ([ill, why]) => {
  const disk = new Disk();
  disk.ills = { [NEW]: ill };
  ask(NEW, { folders: ['/srv/recordings/door'] });
  await updater(disk).update();
  expect(status()).toMatchObject({ id: ID, ok: false, state: 'gone back', why, from: OLD, to: NEW });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
  expect(disk.running).toBe(OLD);
  expect(isUnderWay()).toBe(false);
});

test('a box that was not healthy before need not be so with the new version, but has to record what was recorded', async () => {
  const disk = new Disk();
  disk.ills = { [OLD]: 'unhealthy', [NEW]: 'unhealthy', '1.2.0': 'silent' };
  ask(NEW, { folders: ['/srv/recordings/door'] });
  await updater(disk).update();
  expect(status()).toMatchObject({ ok: true, state: 'good', from: OLD, to: NEW });
  ask('1.2.0', { folders: ['/srv/recordings/door'] });
  await updater(disk).update();
  expect(status()).toMatchObject({ ok: false, state: 'gone back', why: 'notRecording', from: NEW });
});

test('nothing has to be recorded where nothing was', async () => {
  const disk = new Disk();
  disk.ills = { [NEW]: 'silent' };
  ask();
  await updater(disk).update();
  expect(status().state).toBe('good');
});

test.for([
  ['older', 'an older version', () => ask('0.9.0')],
  ['same', 'the version that is there', () => ask(OLD)],
  ['notSigned', 'what somebody else has signed', () => ask(NEW, { key: generateKeyPairSync('ed25519').privateKey })],
  [
    'damaged',
    'a file that was changed',
    () => {
      ask();
      const file = join(places.requests, 'update.perchupdate');
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.fill(0, bytes.length - 1));
    },
  ],
  [
    'failed',
    'a link in the place of the file',
    () => {
      ask();
      const file = join(places.requests, 'update.perchupdate');
      rmSync(file);
      symlinkSync('/etc/passwd', file);
    },
  ],
] as const)('%s: %s is refused and nothing is touched', async ([why, , prepare]) => {
  const disk = new Disk();
  prepare();
  await updater(disk).update();
  expect(status()).toMatchObject({ id: ID, ok: false, state: 'refused', why });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
  expect(readdirSync(places.requests)).toEqual([]);
  expect(existsSync(join(places.own, 'work'))).toBe(false);
});

test('a folder of requests that is a link is not looked into', async () => {
  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'update.json'), '{}');
  rmSync(places.requests, { recursive: true });
  symlinkSync(elsewhere, places.requests);
  const clock = quickClock();
  await expect(updater(new Disk(), clock).update()).rejects.toThrow();
  expect(readdirSync(elsewhere)).toEqual(['update.json']);
  // The request lies there still, and systemd comes back at once.
  expect(clock.monoMs()).toBeGreaterThanOrEqual(5_000);
});

test('what the journal speaks of is on the disk before the journal is', async () => {
  const disk = new Disk();
  ask();
  // The power is cut while everything is being written before the first package is installed.
  const atInstall: string[][] = [];
  const { install } = disk;
  disk.install = async (files) => {
    atInstall.push([...disk.synced]);
    await install(files);
  };
  await updater(disk).update();
  expect(atInstall[0]).toEqual(
    expect.arrayContaining([
      ...['good/run', 'good/updater.cjs', 'good/node', `work/perch_${NEW}_all.deb`],
      ...[`kept/perch_${OLD}_all.deb`, `kept/perch-node_${OLD}_amd64.deb`],
    ]),
  );
  expect(atInstall[0]).not.toContain('journal.json');
});

test('an update waits for whatever else installs packages', async () => {
  const disk = new Disk();
  disk.locks = 50;
  ask();
  await updater(disk).update();
  expect(status()).toMatchObject({ ok: true, state: 'good', to: NEW });
});

test('an update that comes to nothing because something else installs packages all the time has touched nothing', async () => {
  const disk = new Disk();
  disk.locks = 1_000_000;
  ask();
  await updater(disk).update();
  expect(status()).toMatchObject({ id: ID, ok: false, state: 'failed', why: 'busy' });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
  expect(isUnderWay()).toBe(false);
});

test('the version before is put back as soon as nothing else installs packages', async () => {
  const disk = new Disk();
  disk.ills = { [NEW]: 'dead' };
  const { restart } = disk;
  disk.restart = async () => {
    await restart();
    disk.locks = 50;
  };
  ask();
  await updater(disk).update();
  expect(status()).toMatchObject({ state: 'gone back', why: 'notStarted' });
  expect(disk.installed).toEqual({ perch: OLD, 'perch-node': OLD });
});

test('an update that is asked for while the one before cannot be put back is turned down, and the journal stays', async () => {
  const disk = new Disk();
  disk.ills = { [NEW]: 'dead', [OLD]: 'uninstallable' };
  ask();
  await expect(updater(disk).update()).rejects.toThrow('it cannot be installed');
  ask('1.2.0');
  await expect(updater(disk).update()).rejects.toThrow('it cannot be installed');
  expect(readdirSync(places.requests)).toEqual([]);
  expect(JSON.parse(readFileSync(join(places.answers, 'update.json'), 'utf8'))).toMatchObject({
    ...{ id: ID, ok: false, state: 'refused' },
    text: 'the update before this one is not over: dpkg: it cannot be installed',
  });
  disk.ills = {};
  await updater(disk).watch();
  expect(status()).toMatchObject({ state: 'gone back', from: OLD });
});

/** The machine starts: before Perch, Perch, after Perch; and again when the power is cut meanwhile. */
async function startUntilQuiet(disk: Disk): Promise<void> {
  for (let starts = 0; starts < 20; starts += 1) {
    rmSync(places.answers, { recursive: true, force: true });
    if ((await disk.run(() => updater(disk).resume())) === 'cut') {
      continue;
    }
    disk.running = disk.installed.perch;
    if ((await disk.run(() => updater(disk).watch())) === 'done') {
      return;
    }
  }
  throw new Error('the machine never came to rest');
}

async function begun(ills: Disk['ills'], cuts: number[]): Promise<Disk> {
  rmSync(places.own, { recursive: true });
  mkdirSync(places.own);
  const disk = new Disk();
  Object.assign(disk, { ills, cuts });
  ask();
  const outcome = await disk.run(() => updater(disk).update());
  expect(outcome).toBe(cuts === NO_CUTS ? 'done' : 'cut');
  return disk;
}
const NO_CUTS: number[] = [];
/** So much later it is cut a second time; 1,000: not at all. */
const AGAIN = byLength([1_000, 1, 4], [1_000, 0, 1, 2, 3, 4, 5, 8]);

test.for([
  ['good', {}],
  ['dead', { [NEW]: 'dead' }],
  ['uninstallable', { [NEW]: 'uninstallable' }],
] as const)(
  'whenever the power is cut while a %s version is installed, the box ends with one whole version and says which',
  async ([kind, ills]) => {
    const { happened } = await begun(ills, NO_CUTS);
    for (let first = 0; first < happened; first += 1) {
      for (const again of AGAIN) {
        const disk = await begun(ills, [first, again]);
        const wasUnderWay = isUnderWay();
        await startUntilQuiet(disk);
        const at = `cut after ${first}, again after ${again}`;
        const { installed, running } = disk;
        expect(isUnderWay(), at).toBe(false);
        expect(running, at).toBe(installed.perch);
        expect([OLD, ...(kind === 'good' ? [NEW] : [])], at).toContain(installed.perch);
        expect(installed['perch-node'], at).toBe(installed.perch);
        if (wasUnderWay) {
          expect(status(), at).toMatchObject({ id: ID, ok: installed.perch === NEW });
        }
      }
    }
  },
);
