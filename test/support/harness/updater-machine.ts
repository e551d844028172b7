import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { Clock } from '../../../agent/base/clock.ts';
import { PerchError } from '../../../agent/base/errors.ts';
import { type PackageName, SYSTEM_PACKAGE, type UpdatePackage } from '../../../system/update/manifest.ts';
import { writeHeader } from '../../../system/update/update-file.ts';
import type { Machine } from '../../../system/updater/debian.ts';
import { Updater, type UpdaterPaths } from '../../../system/updater/updater.ts';
import type { PowerCuts } from '../disks/unsynced-loss.ts';

export const UPDATE_KEYS = generateKeyPairSync('ed25519');
export const UPDATE_ID = '0123456789abcdef0123456789abcdef';
export const OLD = '1.0.0';
export const NEW = '1.1.0';

/** A machine's folders, below a new one. */
export function updaterPaths(): UpdaterPaths & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'perch-updater-'));
  const at = (name: string): string => join(folder, name);
  const paths = {
    requests: at('requests'),
    answers: at('run'),
    own: at('own'),
    program: at('program'),
    node: at('node'),
  };
  for (const one of [paths.requests, paths.own, paths.program]) {
    mkdirSync(one);
  }
  for (const file of [join(paths.program, 'run'), join(paths.program, 'updater.cjs'), paths.node]) {
    writeFileSync(file, 'program');
  }
  return { ...paths, folder };
}

/** Versions that do not start, that are not healthy, that do not record, that dpkg does not install. */
export type Ill = 'dead' | 'unhealthy' | 'silent' | 'uninstallable';

/** The machine's disk, which outlives the updater. */
export class UpdaterMachine implements Machine {
  installed: Record<PackageName, string> = { perch: OLD, 'perch-node': OLD };
  running = OLD;
  ills: Readonly<Record<string, Ill>> = {};
  /** Folders in which no version records, as those of a camera that is offline. */
  away: readonly string[] = [];
  /** The number of times that another program has dpkg's lock. */
  locks = 0;
  isNoExec = false;
  /** A whole system is being tried. */
  hasTrial = false;
  /** Ids of requests for whole systems, with the bytes that were passed. */
  readonly systems: { readonly id: string; readonly bytes: Buffer }[] = [];
  /** The content of the disk at the last `sync`, without `kept`. */
  synced: readonly string[] = [];
  readonly repacked: string[] = [];
  readonly #paths: UpdaterPaths;
  readonly #cuts: PowerCuts | undefined;
  #recordedBytes = 0;

  constructor(paths: UpdaterPaths, cuts?: PowerCuts) {
    this.#paths = paths;
    this.#cuts = cuts;
  }

  architecture = async (): Promise<string> => 'amd64';
  versionOf = async (name: PackageName): Promise<string | undefined> => {
    const version = this.installed[name];
    return version === 'half' ? undefined : version;
  };
  canInstall = async (): Promise<boolean> => !this.isNoExec;
  mayRun = (file: string): boolean => existsSync(file);
  isWhole = async (file: string): Promise<boolean> => statSync(file).size > 0;
  install: Machine['install'] = async (files) => {
    if (this.locks > 0) {
      this.locks -= 1;
      throw new PerchError('conflict', 'another program installs packages on this machine');
    }
    for (const file of files) {
      const [name = '', version = ''] = basename(file).split('_');
      if (statSync(file).size === 0) {
        throw new Error(`dpkg: ${file} is no package`);
      }
      expect(existsSync(join(this.#paths.answers, 'update.hold'))).toBe(true);
      this.#cuts?.happens();
      this.installed[name as PackageName] = 'half';
      this.#cuts?.happens();
      if (this.ills[version] === 'uninstallable') {
        throw new Error('dpkg: it cannot be installed');
      }
      this.installed[name as PackageName] = version;
    }
  };
  installSystem = async (update: number, id: string): Promise<void> => {
    this.systems.push({ id, bytes: readFileSync(`/proc/self/fd/${update}`) });
  };
  isOnTrial = async (): Promise<boolean> => this.hasTrial;
  configureAll: Machine['configureAll'] = async () => this.#cuts?.happens();
  repack = async (name: PackageName, file: string): Promise<void> => {
    this.repacked.push(basename(file));
    writeFileSync(`${file}.new`, `made of the installed ${name}`);
    syncPath(`${file}.new`);
    renameSync(`${file}.new`, file);
    syncPath(dirname(file));
  };
  restart = async (): Promise<void> => {
    this.#cuts?.happens();
    this.running = this.installed.perch;
  };
  reload = async (): Promise<void> => this.#cuts?.happens();
  mainPid = async (): Promise<number> => (this.ills[this.running] === 'dead' || this.running === 'half' ? 0 : 100);
  isHealthy = async (host: string, port: number): Promise<boolean> => {
    expect([host, port]).toEqual(['127.0.0.1', 8080]);
    return this.ills[this.running] !== 'unhealthy';
  };
  isAnswering = async (): Promise<boolean> => true;
  recordings = (folders: readonly string[]): ReadonlyMap<string, number> => {
    this.#recordedBytes += this.ills[this.running] === 'silent' ? 0 : 1;
    return new Map(folders.map((one) => [`${one}/1.mp4`, this.away.includes(one) ? 7 : this.#recordedBytes]));
  };
  sync = async (): Promise<void> => {
    this.#cuts?.happens();
    this.#cuts?.syncAll();
    this.synced = readdirSync(this.#paths.own, { recursive: true, encoding: 'utf8' });
  };
}

function syncPath(path: string): void {
  const handle = openSync(path, 'r');
  fsyncSync(handle);
  closeSync(handle);
}

/** A clock without sleeping. */
export function quickClock(): Clock {
  let nowMs = 0;
  const sleep = async (ms: number) => {
    nowMs += ms;
    await Promise.resolve();
  };
  const never = () => () => {};
  const monoMs = () => nowMs;
  return { monoMs, idleMs: monoMs, wallMs: () => Date.UTC(2026, 0, 1) + nowMs, sleep, every: never, eachSecond: never };
}

export const updaterOn = (paths: UpdaterPaths, machine: UpdaterMachine, clock = quickClock()): Updater =>
  new Updater({ paths, keys: [UPDATE_KEYS.publicKey], machine, clock, say: () => {} });

/** A request for a whole system of the image. */
export function askForSystem({ requests }: UpdaterPaths, version = NEW, key = UPDATE_KEYS.privateKey): Buffer {
  const bytes = Buffer.from(`the system of ${version}`);
  const sha512 = createHash('sha512').update(bytes).digest('hex');
  const one = { name: SYSTEM_PACKAGE, version, architecture: 'arm64', sizeBytes: bytes.length, sha512 } as const;
  const header = writeHeader({ version, made: '2026-11-21T08:00:00Z', packages: [one] }, key);
  const update = Buffer.concat([header, bytes]);
  placeRequest(requests, update, []);
  return update;
}

/** An update request like the agent's. */
export function askForUpdate(
  { requests }: UpdaterPaths,
  version = NEW,
  {
    key = UPDATE_KEYS.privateKey,
    folders = [],
  }: { readonly key?: KeyObject; readonly folders?: readonly string[] } = {},
): void {
  const bytes = Buffer.from(`the package of ${version}`);
  const sha512 = createHash('sha512').update(bytes).digest('hex');
  const one = (more: object) => ({ version, sizeBytes: bytes.length, sha512, ...more }) as UpdatePackage;
  const packages = [
    one({ name: 'perch', architecture: 'all' }),
    one({ name: 'perch-node', architecture: 'amd64' }),
    one({ name: 'perch-node', architecture: 'arm64' }),
  ];
  const header = writeHeader({ version, made: '2026-11-21T08:00:00Z', packages }, key);
  placeRequest(requests, Buffer.concat([header, bytes, bytes, bytes]), folders);
}

function placeRequest(requests: string, update: Buffer, folders: readonly string[]): void {
  writeFileSync(join(requests, 'update.perchupdate'), update);
  const request = { id: UPDATE_ID, host: '127.0.0.1', port: 8080, folders };
  writeFileSync(join(requests, 'update.json'), JSON.stringify(request));
}
