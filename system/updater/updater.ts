import type { KeyObject } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../agent/base/clock.ts';
import { explain, PerchError } from '../../agent/base/errors.ts';
import { debName, type UpdatePackage } from '../update/manifest.ts';
import { reasonOf, type UpdateReason } from '../update/reasons.ts';
import type { Machine } from './debian.ts';
import { type Journal, Journals, type Status, syncFolder } from './journal.ts';
import { RequestFolder, takeUpdate, type UpdateRequest } from './take-update.ts';
import { watchNewVersion } from './watch.ts';

/** The second time that the machine starts while a new version is watched is no accident any more. */
const MOST_STARTS = 1;
const RETRIES = 5;
const RETRY_MS = 6_000;
/** apt brings a whole system up to date meanwhile. */
const BUSY_MS = 600_000;
/** systemd comes back at once as long as a request lies there. */
const PAUSE_MS = 5_000;

export interface Places {
  /** Where the agent asks. */
  readonly requests: string;
  /** Where it looks for the answer, in memory. */
  readonly answers: string;
  /** The updater's own, on a disk. */
  readonly own: string;
  /** What the updater itself is started from; the program that runs it, if that is a package of Perch's. */
  readonly program: string;
  readonly node: string;
}

export interface UpdaterDeps {
  readonly places: Places;
  readonly keys: readonly KeyObject[];
  readonly machine: Machine;
  readonly clock: Clock;
  say(text: string): void;
}

/**
 * Brings a signed update onto the machine, sees whether it works, and else puts back what was there before. It writes down each
 * step first: whenever the power is cut, the next start goes on from there, or back.
 */
export class Updater {
  readonly #deps: UpdaterDeps;
  readonly #journals: Journals;
  readonly #work: string;
  readonly #kept: string;
  readonly #good: string;
  readonly #hold: string;

  constructor(deps: UpdaterDeps) {
    const { own, answers } = deps.places;
    this.#deps = deps;
    this.#journals = new Journals(own, answers);
    this.#work = join(own, 'work');
    this.#kept = join(own, 'kept');
    this.#good = join(own, 'good');
    this.#hold = join(answers, 'update.hold');
  }

  /** Somebody has asked for an update. */
  async update(): Promise<void> {
    try {
      await this.#answer();
    } catch (error) {
      await this.#sleep(PAUSE_MS);
      throw error;
    }
  }

  async #answer(): Promise<void> {
    // An updater that was ended in the middle.
    const fault = await this.#goOn(false).catch((error: unknown) => ({ error }));
    using folder = new RequestFolder(this.#deps.places.requests);
    if (fault) {
      this.#turnDown(folder, fault.error);
      throw fault.error;
    }
    const request = folder.takeRequest();
    if (!request) {
      this.#deps.say('what was asked for is no request');
      return;
    }
    const journal = await this.#take(folder, request);
    if (journal) {
      await this.#goOn(false);
    }
  }

  /** The one before it is not over, and its journal stays. */
  #turnDown(folder: RequestFolder, error: unknown): void {
    const request = folder.takeRequest();
    folder.removeUpdate();
    if (request) {
      const text = `the update before this one is not over: ${explain(error)}`;
      this.#journals.say({ id: request.id, ok: false, state: 'refused', why: 'failed', text, time: this.#time() });
    }
  }

  /** Before Perch is started: what was interrupted in the middle is put back. */
  resume(): Promise<void> {
    return this.#goOn(true);
  }

  /** After Perch was started: a new version whose watch was interrupted is watched again. */
  watch(): Promise<void> {
    return this.#goOn(false);
  }

  async #take(folder: RequestFolder, request: UpdateRequest): Promise<Journal | undefined> {
    const { id, host, port, folders } = request;
    const { machine, keys } = this.#deps;
    try {
      const update = folder.openUpdate();
      const architecture = await machine.architecture();
      const { manifest, packages } = await takeUpdate(update, this.#work, keys, { ...machine, architecture });
      const from = (await machine.versionOf('perch')) ?? '';
      const wasIll = !(await machine.isHealthy(host, port));
      const journal: Journal = {
        ...{ step: 'verified', id, from, to: manifest.version, starts: 0, watched: { host, port, folders, wasIll } },
        ...{ packages: packages.map(debName), previous: await this.#keepPrevious(packages, architecture) },
      };
      this.#keepUpdater(packages);
      // The journal is on the disk at once: what it speaks of has to be there before.
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

  /** @param isStarting Perch is not running yet, and is started afterwards by whoever starts the machine */
  async #goOn(isStarting: boolean): Promise<void> {
    for (let journal = this.#journals.read(); journal; journal = this.#journals.read()) {
      if (isStarting && journal.step === 'waiting') {
        if (journal.starts < MOST_STARTS) {
          this.#journals.write({ ...journal, starts: journal.starts + 1 });
          return;
        }
        this.#goBack(journal, 'restarted', 'the machine was started anew again and again with the new version');
      } else if (isStarting && journal.step === 'installing') {
        this.#goBack(journal, 'powerCut', 'the power was cut while the update was being installed');
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
        this.#keepInstalled(journal);
        this.#finish(journal, { ok: true, state: 'good', text: `this box has version ${journal.to} now` });
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
      await this.#whenFree(() => this.#held(() => machine.install(files)), BUSY_MS);
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
    this.#say(journal, 'waiting', `version ${journal.to} is installed and has to show that it works`);
    const { machine, clock } = this.#deps;
    if (journal.starts === 0) {
      // Otherwise it runs since the machine was started.
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

  /** dpkg may be busy with something else, or not have got over a power cut yet. */
  async #putBack(journal: Journal, isStarting: boolean): Promise<void> {
    const { machine, say } = this.#deps;
    this.#say(journal, 'going back', `version ${journal.from} is put back`);
    const files = journal.previous.map((name) => join(this.#kept, name));
    for (let left = RETRIES; ; left -= 1) {
      try {
        const putBack = async () => {
          await machine.configureAll().catch((error: unknown) => say(explain(error)));
          await machine.install(files);
        };
        // At the start of the machine Perch waits for this.
        await this.#whenFree(() => this.#held(putBack), isStarting ? 0 : BUSY_MS);
        break;
      } catch (error) {
        say(explain(error));
        if (left === 0) {
          // The journal stays: the next start tries it again.
          throw error;
        }
        await this.#sleep(RETRY_MS);
      }
    }
    await machine.sync();
    await (isStarting ? machine.reload() : machine.restart());
    this.#journals.write({ ...journal, step: 'gone back' });
  }

  /** Whatever else installs packages is waited for, so long. */
  async #whenFree(work: () => Promise<void>, patienceMs: number): Promise<void> {
    const { clock, say } = this.#deps;
    for (const endMs = clock.monoMs() + patienceMs; ; ) {
      try {
        return await work();
      } catch (error) {
        if (!isBusy(error) || clock.monoMs() >= endMs) {
          throw error;
        }
        say(explain(error));
        await this.#sleep(RETRY_MS);
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    return this.#deps.clock.sleep(ms, new AbortController().signal);
  }

  /** The package's own scripts leave Perch alone meanwhile: at the start of the machine they would wait for it, and it for them. */
  async #held(work: () => Promise<void>): Promise<void> {
    mkdirSync(this.#deps.places.answers, { recursive: true });
    writeFileSync(this.#hold, '');
    try {
      await work();
    } finally {
      rmSync(this.#hold, { force: true });
    }
  }

  /** Packages that are installed now: kept since they were, or else made of what lies there. */
  async #keepPrevious(packages: readonly UpdatePackage[], architecture: string): Promise<readonly string[]> {
    const { machine } = this.#deps;
    mkdirSync(this.#kept, { recursive: true, mode: 0o700 });
    const names: string[] = [];
    for (const { name, architecture: own } of packages) {
      const version = (await machine.versionOf(name)) ?? '';
      const file = `${name}_${version}_${own === 'all' ? 'all' : architecture}.deb`;
      if (!existsSync(join(this.#kept, file))) {
        await machine.repack(name, join(this.#kept, file));
      }
      names.push(file);
    }
    return names;
  }

  /** Whatever the new version brings, it is this updater that goes back from it, with a Node that runs. */
  #keepUpdater(packages: readonly UpdatePackage[]): void {
    const { program, node } = this.#deps.places;
    rmSync(this.#good, { recursive: true, force: true });
    mkdirSync(this.#good, { mode: 0o700 });
    for (const file of ['run', 'updater.cjs']) {
      copyFileSync(join(program, file), join(this.#good, file));
    }
    if (packages.some(({ name }) => name === 'perch-node')) {
      copyFileSync(node, join(this.#good, 'node'));
    }
    syncFolder(this.#good);
  }

  /** They are what the next update goes back to. */
  #keepInstalled({ packages, previous }: Journal): void {
    for (const name of packages.filter((one) => existsSync(join(this.#work, one)))) {
      renameSync(join(this.#work, name), join(this.#kept, name));
    }
    for (const name of previous.filter((one) => !packages.includes(one))) {
      rmSync(join(this.#kept, name), { force: true });
    }
    for (const name of readdirSync(this.#kept).filter((one) => !one.endsWith('.deb'))) {
      rmSync(join(this.#kept, name), { recursive: true, force: true });
    }
    syncFolder(this.#kept);
  }

  #say(journal: Journal, state: Status['state'], text: string): void {
    const { id, from, to } = journal;
    this.#journals.say({ id, ok: true, state, text, from, to, time: this.#time() });
  }

  #finish({ id, from, to }: Journal, result: Pick<Status, 'ok' | 'state' | 'text' | 'why'>): void {
    this.#end({ id, from, to, ...result });
    rmSync(this.#good, { recursive: true, force: true });
  }

  #end(status: Omit<Status, 'time'>): void {
    this.#deps.say(`${status.state}: ${status.text}`);
    this.#journals.end({ ...status, time: this.#time() });
    rmSync(this.#work, { recursive: true, force: true });
  }

  #time(): string {
    return new Date(this.#deps.clock.wallMs()).toISOString();
  }
}

const isBusy = (error: unknown): boolean => error instanceof PerchError && error.code === 'conflict';

const CUT_BEFORE = 'the power was cut before anything was installed: try it again';
