import { hostname } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DEVICES_FILE } from '../../auth/accounts/device-passwords.ts';
import { type Backup, readBackup, writeBackup } from '../../backup/document.ts';
import { finishRestore, readWhole, stageRestore } from '../../backup/staged.ts';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { documentCarrier } from '../../base/files/document-carrier.ts';
import type { Logger } from '../../base/log.ts';
import { isSubStream, subOf } from '../../cameras/path-entries.ts';
import { ownFileOf, tryWrite, writeAtomic } from '../../config/file/file.ts';
import { inPresentForm, type Migration, presentForm } from '../../config/file/migrations.ts';
import { type Config, NO_FILE } from '../../config/load/load.ts';
import type { PathEntry } from '../../config/load/path-entry.ts';
import { changesBetween } from '../../config/store/changes.ts';
import type { ConfigStore } from '../../config/store/store.ts';
import { problemText } from '../../config/yaml/problem.ts';
import type { BackupFile, Host } from '../../features/contract.ts';
import type { BackupControl, RestorePlan } from '../../http/api/device/restore-routes.ts';
import {
  BackupMembers,
  CONFIG,
  devicesChange,
  GUESTS,
  joined,
  linksChange,
  memberText,
  PROTECTED,
  peopleChange,
  reviseWrites,
  USERS,
  writesOf,
} from './backup-members.ts';

interface BackupsDeps extends Pick<Host, 'version' | 'dataDir' | 'log'> {
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly store: Pick<ConfigStore, 'refresh' | 'textInForce' | 'file' | 'current' | 'check' | 'seal'>;
  /** Of the features. */
  readonly files: readonly BackupFile[];
  /** Default: the migrations of this program. */
  readonly migrations?: readonly Migration[];
}

/** With a database, a backup would lack the people, and a restore would not reach them. */
function needsFiles(dataDir: string): void {
  if (documentCarrier(dataDir)) {
    const advice = 'back it up with pg_dump, and the configuration file as a file';
    throw new PerchError('unsupported', `people and pairings of this server are in the database: ${advice}`);
  }
}

/** Backup of the state before the last restore. */
const FORMER = 'before-restore.perchbackup';

/** Applies a staged restore, before anything else of the data folder is read. @param files of features @throws PerchError unavailable */
export async function restoreStaged(dataDir: string, log: Logger, files: readonly BackupFile[]): Promise<void> {
  await finishRestore(dataDir, log, (writes) => reviseWrites(dataDir, writes, files));
}

/** Creates and restores backups: one file with everything except recordings. */
export class Backups implements BackupControl {
  readonly #deps: BackupsDeps;
  readonly #members: BackupMembers;
  #isTaken = false;
  #isReading = false;
  #isStaged = false;

  constructor(deps: BackupsDeps) {
    this.#deps = deps;
    this.#members = new BackupMembers(deps.files);
  }

  async make(): Promise<{ readonly name: string; readonly bytes: Buffer }> {
    const { version, dataDir, clock, store, log } = this.#deps;
    needsFiles(dataDir);
    const made = new Date(clock.wallMs()).toISOString();
    const host = hostname();
    // If the file is invalid, the last good text is in effect.
    await store.refresh();
    const config = { name: CONFIG, text: store.textInForce.trim() === '' ? NO_FILE : store.textInForce };
    const members = [config, ...(await this.#members.read(dataDir, log))];
    const form = presentForm(this.#deps.migrations);
    const bytes = await writeBackup({ made, by: version, host, ...(form > 1 && { configForm: form }), members });
    return { name: `perch-${host.replace(/[^\w-]+/g, '-')}-${made.slice(0, 10)}.perchbackup`, bytes };
  }

  reserve(): () => void {
    if (this.#isTaken || this.#isReading || this.#isStaged) {
      throw busy();
    }
    this.#isTaken = true;
    let isHeld = true;
    return () => {
      this.#isTaken &&= !isHeld;
      isHeld = false;
    };
  }

  check(bytes: Uint8Array): Promise<RestorePlan> {
    return this.#alone(async () => {
      needsFiles(this.#deps.dataDir);
      return this.#planOf(await this.#read(bytes));
    });
  }

  /** Stages the restore for the next start; from then on nothing else is restored. */
  stage(bytes: Uint8Array): Promise<void> {
    return this.#alone(async () => {
      const { dataDir, store, log } = this.#deps;
      needsFiles(dataDir);
      const backup = await this.#read(bytes);
      const configFile = store.file ?? ownFileOf(dataDir);
      // Otherwise only the log of the next start would report a failure.
      const text = await store.seal(memberText(backup.members, CONFIG) ?? '');
      await tryWrite(configFile, text);
      const former = await this.make();
      await writeAtomic(join(dataDir, FORMER), former.bytes);
      await stageRestore(dataDir, writesOf(backup, { file: configFile, text }));
      this.#isStaged = true;
      log.warn({ made: backup.made, host: backup.host }, 'restoring a backup, restarting');
    });
  }

  /** One restore at a time: work continues after its client has disconnected, when the HTTP layer already admits the next one. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isReading || this.#isStaged) {
      throw busy();
    }
    this.#isReading = true;
    try {
      return await work();
    } finally {
      this.#isReading = false;
    }
  }

  async #read(bytes: Uint8Array): Promise<Backup> {
    const { dataDir } = this.#deps;
    const read = await readBackup(bytes, this.#members.names);
    this.#members.check(read);
    const backup = this.#inPresentForm(read);
    this.#configOf(backup);
    joined(
      memberText(backup.members, PROTECTED) ?? '{"version":1,"ranges":[]}',
      await readWhole(join(dataDir, PROTECTED)),
    );
    return backup;
  }

  #inPresentForm(backup: Backup): Backup {
    const { migrations } = this.#deps;
    const [form, own] = [backup.configForm ?? 1, presentForm(migrations)];
    if (form > own) {
      const message = `${CONFIG} of the backup has form ${form}, this Perch knows forms up to ${own}`;
      throw new PerchError('badInput', message, { why: 'laterVersion' });
    }
    const members = backup.members.map((one) =>
      one.name === CONFIG ? { ...one, text: inPresentForm(one.text, migrations) } : one,
    );
    return { ...backup, members };
  }

  #configOf({ members }: Backup): { readonly config: Config; readonly problems: readonly string[] } {
    const text = memberText(members, CONFIG) ?? '';
    const { config, problems } = this.#deps.store.check(text);
    const errors = problems.filter(({ severity }) => severity === 'error').map(problemText);
    // An error in one path disables only that path, as at a start.
    if (!config || text.trim() === '') {
      throw new PerchError('badInput', `${CONFIG} of the backup: ${errors[0] ?? 'it is empty'}`);
    }
    return { config, problems: errors };
  }

  async #planOf(backup: Backup): Promise<RestorePlan> {
    const { dataDir, store } = this.#deps;
    const { config, problems } = this.#configOf(backup);
    const { made, by, host, members } = backup;
    const now = async (name: string) => readWhole(join(dataDir, name));
    const { added, removed, changed, same } = peopleChange(await now(USERS), memberText(members, USERS) ?? '');
    return {
      made,
      version: by,
      host,
      problems: [...problems],
      cameras: camerasChange(store.current, config),
      people: { added: [...added], removed: [...removed], changed: [...changed], same: [...same] },
      links: linksChange(await now(GUESTS), memberText(members, GUESTS)),
      devicePasswords: devicesChange(await now(DEVICES_FILE), memberText(members, DEVICES_FILE)),
      settings: changesBetween(store.current, config).flatMap(({ path, keys }) => (path === undefined ? keys : [])),
      address: config.address,
      tlsAddress: config.tlsAddress,
    };
  }
}

const busy = () =>
  new PerchError('exhausted', 'another backup is being restored: wait for it to end', { isBusy: true });

/** Includes paths that are not adopted cameras. */
function camerasChange(before: Config, after: Config): RestorePlan['cameras'] {
  const [old, now] = [mainPaths(before), mainPaths(after)];
  const shown = ({ name, settings }: PathEntry) => ({ path: name, title: settings?.camera?.name ?? null });
  const both = now.filter(({ name }) => before.paths.has(name));
  const isSame = ({ name }: PathEntry) =>
    [name, subOf(name, after)?.name ?? name].every((one) =>
      isDeepStrictEqual(ownOf(before.paths.get(one), before), ownOf(after.paths.get(one), after)),
    );
  return {
    added: now.filter(({ name }) => !before.paths.has(name)).map(shown),
    removed: old.filter(({ name }) => !after.paths.has(name)).map(shown),
    changed: both.filter((path) => !isSame(path)).map(shown),
    same: both.filter(isSame).length,
  };
}

/** The settings of a path without inherited defaults, whose changes are reported once. */
function ownOf(entry: PathEntry | undefined, { pathDefaults }: Config): object | undefined {
  if (!entry?.settings) {
    return entry;
  }
  const usual: Readonly<Record<string, unknown>> = { ...pathDefaults };
  const own = Object.entries(entry.settings).filter(([key, value]) => !isDeepStrictEqual(value, usual[key]));
  return { ...entry, settings: Object.fromEntries(own) };
}

/** The paths of a configuration without the sub streams of cameras. */
const mainPaths = (config: Config): readonly PathEntry[] =>
  [...config.paths.values()].filter(({ name }) => !isSubStream(name, config));
