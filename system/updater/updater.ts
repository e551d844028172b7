import type { KeyObject } from 'node:crypto';
import { closeSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../agent/base/clock.ts';
import { explain } from '../../agent/base/errors.ts';
import { checkNewer, debName, isSystem, type UpdatePackage } from '../update/manifest.ts';
import { reasonOf, refusal, type UpdateReason } from '../update/reasons.ts';
import { readManifest } from '../update/update-file.ts';
import type { Machine } from './debian.ts';
import { type Journal, Journals, NO_ID, type Status } from './journal.ts';
import { isBusy, isTooLong, Packages, RETRY_MS, RUN_MS, START_MS } from './packages.ts';
import { PreviousVersion } from './previous-version.ts';
import { piecesOf, RequestFolder, takeUpdate, type UpdateRequest } from './take-update.ts';
import { growing, watchNewVersion } from './watch.ts';

const RETRIES = 5;
/** Failed attempts to restore the previous version, at once or at later boots, before the current state is kept. */
const MAX_FAILURES = 3;
/** apt may be upgrading the whole system. */
const BUSY_MS = 600_000;
const START_BUSY_MS = 30_000;
/** systemd starts the service again at once while a request exists. */
const PAUSE_MS = 5_000;

export interface UpdaterPaths {
  /** Where the agent writes requests. */
  readonly requests: string;
  /** Folder in memory, where the agent reads the answer. */
  readonly answers: string;
  /** The updater's own, on a disk. */
  readonly own: string;
  /** The updater's own script; the program that runs it, if that is a package of Perch's. */
  readonly program: string;
  readonly node: string;
}

interface UpdaterDeps {
  readonly paths: UpdaterPaths;
  readonly keys: readonly KeyObject[];
  readonly machine: Machine;
  readonly clock: Clock;
  say(text: string): void;
}

/**
 * Installs a signed update, checks that it works, and otherwise restores the previous version. Notes each step first:
 * after a power cut the next start continues from there, or rolls back.
 */
export class Updater {
  readonly #deps: UpdaterDeps;
  readonly #journals: Journals;
  readonly #work: string;
  readonly #previous: PreviousVersion;
  readonly #packages: Packages;

  constructor(deps: UpdaterDeps) {
    const { own, answers } = deps.paths;
    this.#deps = deps;
    this.#journals = new Journals(own, answers);
    this.#work = join(own, 'work');
    this.#previous = new PreviousVersion(own, deps.machine);
    this.#packages = new Packages(deps, join(answers, 'update.hold'));
  }

  /** A request has arrived. */
  async update(): Promise<void> {
    try {
      await this.#answer();
    } catch (error) {
      await this.#sleep(PAUSE_MS);
      throw error;
    }
  }

  async #answer(): Promise<void> {
    // A previous updater was killed.
    const fault = await this.#continue(false).catch((error: unknown) => ({ error }));
    using folder = new RequestFolder(this.#deps.paths.requests);
    if (fault) {
      this.#rejectPending(folder, fault.error);
      throw fault.error;
    }
    const request = folder.takeRequest();
    if (!request) {
      return;
    }
    if (request === 'wrong') {
      folder.removeUpdate();
      this.#deps.say('the request is invalid');
      return;
    }
    const journal = await this.#take(folder, request);
    if (journal) {
      await this.#continue(false);
    }
  }

  /** The previous update is still pending, and its journal stays. */
  #rejectPending(folder: RequestFolder, error: unknown): void {
    const request = folder.takeRequest();
    if (request) {
      folder.removeUpdate();
    }
    if (request && request !== 'wrong') {
      const text = `the previous update is not finished: ${explain(error)}`;
      this.#tell({ id: request.id, ok: false, state: 'refused', why: 'failed', text, time: this.#time() });
    }
  }

  /** Before Perch starts: an update that was interrupted is rolled back. */
  resume(): Promise<void> {
    this.#packages.endWithin(START_MS);
    return this.#continue(true);
  }

  /** After Perch has started: an interrupted watch of a new version begins again. */
  watch(): Promise<void> {
    return this.#continue(false);
  }

  async #take(folder: RequestFolder, request: UpdateRequest): Promise<Journal | undefined> {
    const { id, host, port } = request;
    const { machine, keys, clock, paths } = this.#deps;
    try {
      if (await this.#installSystem(folder, id)) {
        return undefined;
      }
      if (await machine.isOnTrial()) {
        throw refusal('conflict', 'the last update of the system is not kept yet', 'onTrial');
      }
      const architecture = await machine.architecture();
      const rooms = { work: this.#work, system: paths.program };
      const { manifest, packages } = await takeUpdate(folder, rooms, keys, { ...machine, architecture });
      if (!(await machine.canInstall())) {
        throw refusal('unsupported', 'dpkg cannot run scripts of packages here: /var is mounted noexec', 'noExec');
      }
      const from = (await machine.versionOf('perch')) ?? '';
      const wasIll = !(await machine.isHealthy(host, port));
      const folders = await growing(machine, request.folders, clock);
      const journal: Journal = {
        step: 'verified',
        id,
        from,
        to: manifest.version,
        starts: 0,
        failures: 0,
        watched: { host, port, folders, wasIll },
        packages: packages.map(debName),
        previous: await this.#previous.keepPrevious(packages, architecture),
      };
      this.#keepUpdater(packages);
      // The journal is on the disk at once: what it names must be there before.
      await machine.sync();
      this.#journals.write(journal);
      return journal;
    } catch (error) {
      this.#end({ id, ok: false, state: 'refused', text: explain(error), why: reasonOf(error) });
      return undefined;
    } finally {
      folder.removeUpdate();
    }
  }

  /**
   * A whole system of the image is the work of the image's program, which checks it again, says its steps and restarts
   * the machine. @returns false: the update has packages
   */
  async #installSystem(folder: RequestFolder, id: string): Promise<boolean> {
    const { machine, keys } = this.#deps;
    const update = folder.openUpdate();
    try {
      const manifest = await readManifest(piecesOf(update), keys);
      if (!isSystem(manifest)) {
        return false;
      }
      checkNewer(manifest, await machine.versionOf('perch'));
      this.#deps.say(`system ${manifest.version} is being written`);
      await machine.installSystem(update, id);
      return true;
    } finally {
      closeSync(update);
    }
  }

  /** @param isStarting Perch does not run yet; the boot starts it afterwards */
  async #continue(isStarting: boolean): Promise<void> {
    let isFirst = true;
    for (let journal = this.#journals.read(); journal; journal = this.#journals.read(), isFirst = false) {
      if (journal === 'damaged') {
        await this.#endDamaged(isStarting);
      } else if (isStarting && journal.step === 'waiting') {
        // A second boot while a new version is watched is not a coincidence.
        if (journal.starts < 1) {
          this.#journals.write({ ...journal, starts: journal.starts + 1 });
          return;
        }
        this.#goBack(journal, 'restarted', 'the machine restarted repeatedly with the new version');
      } else if (isStarting && journal.step === 'installing') {
        this.#goBack(journal, 'powerCut', 'the power was cut while the update was being installed');
      } else if (isFirst && journal.step === 'installing') {
        // A second attempt might hang for ever, too.
        this.#goBack(journal, 'notInstalled', 'the updater was killed while it installed the update');
      } else if (isStarting && journal.step === 'verified') {
        this.#finish(journal, { ok: false, state: 'failed', why: 'powerCut', text: CUT_BEFORE });
      } else {
        await this.#step(journal, isStarting);
      }
    }
  }

  async #step(journal: Journal, isStarting: boolean): Promise<void> {
    this.#deps.say(`update from ${journal.from} to ${journal.to}: ${journal.step}`);
    switch (journal.step) {
      case 'verified':
        this.#journals.write({ ...journal, step: 'installing' });
        return;
      case 'installing':
        return this.#install(journal);
      case 'waiting':
        return this.#watch(journal);
      case 'going back':
        return this.#putBack(journal, isStarting);
      case 'good':
        this.#previous.takeOver(journal, this.#work);
        this.#finish(journal, { ok: true, state: 'good', text: `version ${journal.to} is installed` });
        return;
      case 'gone back': {
        const { why, text = '' } = journal;
        this.#finish(journal, { ok: false, state: 'gone back', text, ...(why !== undefined && { why }) });
      }
    }
  }

  async #install(journal: Journal): Promise<void> {
    const { machine } = this.#deps;
    this.#say(journal, 'installing', `version ${journal.to} is being installed`);
    try {
      const files = journal.packages.map((name) => join(this.#work, name));
      await this.#packages.install(files, BUSY_MS);
      await machine.sync();
    } catch (error) {
      if (isBusy(error)) {
        this.#finish(journal, { ok: false, state: 'failed', why: 'busy', text: explain(error) });
        return;
      }
      this.#goBack(journal, 'notInstalled', explain(error));
      return;
    }
    this.#journals.write({ ...journal, step: 'waiting' });
  }

  async #watch(journal: Journal): Promise<void> {
    this.#say(journal, 'waiting', `version ${journal.to} is installed and is being checked`);
    const { machine, clock } = this.#deps;
    if (journal.starts === 0) {
      // Otherwise it has run since boot.
      await machine.restart();
    }
    const fault = await watchNewVersion(machine, journal.watched, clock);
    if (fault) {
      this.#goBack(journal, fault.why, fault.text);
    } else {
      this.#journals.write({ ...journal, step: 'good' });
    }
  }

  #goBack(journal: Journal, why: UpdateReason, text: string): void {
    this.#journals.write({ ...journal, step: 'going back', why, text: text.slice(0, 500) });
  }

  /** dpkg may not have recovered from a power cut yet. */
  async #putBack(journal: Journal, isStarting: boolean): Promise<void> {
    const { machine, say } = this.#deps;
    this.#say(journal, 'going back', `version ${journal.from} is being restored`);
    const files = this.#previous.files(journal);
    for (let left = RETRIES; ; left -= 1) {
      try {
        // At boot Perch waits for this.
        await this.#packages.putBack(files, isStarting ? START_BUSY_MS : RUN_MS);
        break;
      } catch (error) {
        say(explain(error));
        if (left === 0 || isBusy(error) || isTooLong(error)) {
          return this.#stayWhole(journal, error, isStarting);
        }
        await this.#sleep(RETRY_MS);
      }
    }
    await machine.sync();
    await (isStarting ? machine.reload() : machine.restart());
    this.#journals.write({ ...journal, step: 'gone back' });
  }

  /** The next boot tries the rollback again, a limited number of times; until then there must be a Perch. */
  async #stayWhole(journal: Journal, error: unknown, isStarting: boolean): Promise<void> {
    if (isBusy(error)) {
      throw error;
    }
    const files = journal.packages.map((name) => join(this.#work, name)).filter((file) => existsSync(file));
    await this.#makeWhole(files, isStarting);
    if (isTooLong(error)) {
      // Retried at each boot: a hanging dpkg says nothing about the packages, and may have left none complete.
      throw error;
    }
    const failures = journal.failures + 1;
    if (failures < MAX_FAILURES) {
      this.#journals.write({ ...journal, failures });
      throw error;
    }
    this.#finish(journal, { ok: false, state: 'failed', why: 'notPutBack', text: explain(error) });
  }

  /** The journal is lost, so the goal is unknown. @throws until a complete Perch is installed: the next boot retries */
  async #endDamaged(isStarting: boolean): Promise<void> {
    await this.#makeWhole(this.#previous.newest(), isStarting);
    if ((await this.#deps.machine.versionOf('perch')) === undefined) {
      throw new Error('the journal of the last update is damaged, and Perch is not completely installed');
    }
    const text = 'the journal of the last update is damaged';
    this.#end({ id: NO_ID, ok: false, state: 'failed', why: 'failed', text });
    this.#previous.dropUpdater();
  }

  async #makeWhole(files: readonly string[], isStarting: boolean): Promise<void> {
    const { machine, say } = this.#deps;
    try {
      if (await this.#packages.makeWhole(files)) {
        await machine.sync();
        await (isStarting ? machine.reload() : machine.restart());
      }
    } catch (error) {
      say(explain(error));
    }
  }

  #sleep(ms: number): Promise<void> {
    return this.#deps.clock.sleep(ms, new AbortController().signal);
  }

  #say(journal: Journal, state: Status['state'], text: string): void {
    const { id, from, to } = journal;
    this.#tell({ id, ok: true, state, text, from, to, time: this.#time() });
  }

  #finish({ id, from, to }: Journal, result: Pick<Status, 'ok' | 'state' | 'text' | 'why'>): void {
    this.#end({ id, from, to, ...result });
    this.#previous.dropUpdater();
  }

  #end(status: Omit<Status, 'time'>): void {
    this.#deps.say(`${status.state}: ${status.text}`);
    const said = { ...status, time: this.#time() };
    // The result of a system's trial is still to come, and its note names the former version.
    if (status.state !== 'refused' || this.#journals.kept()?.state !== 'waiting') {
      this.#journals.keep(said);
    }
    this.#tell(said);
    this.#journals.remove();
    rmSync(this.#work, { recursive: true, force: true });
  }

  /** The work counts as done even if the answer cannot be written. */
  #tell(status: Status): void {
    try {
      this.#journals.say(status);
    } catch (error) {
      this.#deps.say(explain(error));
    }
  }

  #keepUpdater(packages: readonly UpdatePackage[]): void {
    const { machine, paths } = this.#deps;
    const node = packages.some(({ name }) => name === 'perch-node') ? paths.node : undefined;
    const copy = this.#previous.keepUpdater(paths.program, node);
    if (copy !== undefined && !machine.mayRun(copy)) {
      throw refusal('unsupported', `a rollback could not start ${copy}: its disk is mounted noexec`, 'noExec');
    }
  }

  #time(): string {
    return new Date(this.#deps.clock.wallMs()).toISOString();
  }
}

const CUT_BEFORE = 'a power cut came before anything was installed: try again';
