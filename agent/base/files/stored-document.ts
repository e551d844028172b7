import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Static, TSchema } from 'typebox';
import type { Validator } from 'typebox/compile';
import { Check } from 'typebox/value';
import { explain, PerchError } from '../errors.ts';
import { type Logger, silentLogger } from '../log.ts';
import { SerialQueue } from '../serial-queue.ts';
import { carrierOf, type DocumentCarrier, isStaleVersion } from './document-carrier.ts';
import { loadPrivate, putAside, savePrivate, syncFolder } from './durable-file.ts';

type Immutable<T> = unknown extends T ? T : { readonly [Key in keyof T]: Immutable<T[Key]> };

/** How often a change is made again, because another server was faster. */
const MAX_TRIES = 10;

/** Takes a value that another server has saved. @param former the value that was last loaded or saved here */
type Taken<Value> = (value: Value | undefined, former: Value | undefined) => void;

/**
 * A JSON value in one file of the data folder, which only the owner of the file may read, or with the carrier of the folder. Then each value
 * has a version, and a save fails if another server has saved since.
 */
export class StoredDocument<Schema extends TSchema> {
  readonly file: string;
  readonly #schema: Schema;
  /** Undefined until another server has saved: compiling takes longer than most checks. */
  #compiled: Pick<Validator, 'Check'> | undefined;
  readonly #log: Logger;
  readonly #carrier: DocumentCarrier | undefined;
  readonly #changes = new SerialQueue();
  readonly #writes = new SerialQueue();
  /** The file holds what was not read: it is renamed before another value is saved. */
  #isUnread = false;
  #fault: string | undefined;
  #value: (() => Immutable<Static<Schema>>) | undefined;
  /** A save that has not begun: it writes the last value. */
  #waiting: Promise<void> | undefined;
  /** With a carrier: the version that was last loaded or saved, and its value. */
  #known: { readonly version: number; readonly value: Static<Schema> | undefined } = { version: 0, value: undefined };
  #follower: { readonly taken: Taken<Static<Schema>>; readonly merges: boolean; isUnsaved: boolean } | undefined;
  #asking: Promise<void> | undefined;

  constructor(file: string, schema: Schema, log = silentLogger) {
    this.file = file;
    this.#schema = schema;
    this.#log = log;
    this.#carrier = carrierOf(file);
  }

  /** Whether other servers have it, too. */
  get isShared(): boolean {
    return this.#carrier !== undefined;
  }

  /** With a carrier: the value that was last loaded or saved, without what is not saved yet. */
  get shared(): Static<Schema> | undefined {
    return this.#known.value;
  }

  /** False when what is in memory may have been revoked elsewhere: nothing may be permitted by it. */
  get isCurrent(): boolean {
    return this.#carrier?.isCurrent(basename(this.file)) ?? true;
  }

  /** Why nothing can be saved at present; undefined with files, and while the carrier answers. */
  get away(): string | undefined {
    return this.#carrier?.fault;
  }

  /** What is lost because the file could not be read; undefined: nothing is. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /**
   * The stored value; undefined without a file, and with one that is damaged or unreadable. The damaged one is renamed, and the unreadable
   * one when another value is saved: until then a restart may read it.
   * @param loss logged then
   * @throws PerchError with a carrier, which is never overwritten with less
   */
  async open(loss: string): Promise<Static<Schema> | undefined> {
    this.#isUnread = false;
    try {
      return await this.openReadable(loss);
    } catch (error) {
      if (this.#carrier) {
        throw error;
      }
      this.#noteLoss(error, loss);
      this.#isUnread = true;
      return undefined;
    }
  }

  /** As `open`. @throws PerchError unavailable for an unreadable file */
  async openReadable(loss: string): Promise<Static<Schema> | undefined> {
    try {
      return await this.load();
    } catch (error) {
      if (!(error instanceof PerchError) || error.code !== 'badInput' || this.#carrier) {
        throw error;
      }
      this.#noteLoss(error, loss);
      await putAside(this.file).catch((cause: unknown) => {
        this.#isUnread = true;
        this.#log.warn({ cause: explain(cause) }, 'file stays');
      });
      return undefined;
    }
  }

  #noteLoss(error: unknown, loss: string): void {
    this.#fault = loss;
    this.#log.error({ file: this.file, cause: explain(error) }, loss);
  }

  /** The stored value; undefined without a file. @throws PerchError badInput for a damaged file, unavailable for an unreadable one */
  async load(): Promise<Static<Schema> | undefined> {
    const { file } = this;
    const carried = await this.#carrier?.load(basename(file));
    const value = carried ? carried.value : await loadPrivate(file);
    if (value !== undefined && !this.#isValid(value)) {
      const place = carried ? `${basename(file)} of the database` : file;
      throw new PerchError('badInput', `${place} is damaged`, { file });
    }
    if (carried) {
      this.#known = { version: carried.version, value };
    }
    return value;
  }

  #isValid(value: unknown): value is Static<Schema> {
    return this.#compiled ? this.#compiled.Check(value) : Check(this.#schema, value);
  }

  /**
   * Follows the values that other servers save. Without a carrier nothing is called.
   * @param taken puts the value in memory
   * @param more `merges`: `taken` keeps in memory what is not saved yet, so that a save that fails is repeated. `outdated`: called when
   * `isCurrent` becomes false. `answers`: called when the carrier has a change, and every few seconds while it answers
   */
  follow(
    taken: Taken<Static<Schema>>,
    more: { readonly merges?: true; outdated?(): void; answers?(): Promise<void> } = {},
  ): void {
    this.#follower = { taken, merges: more.merges === true, isUnsaved: false };
    let loggedVersion: number | undefined;
    this.#carrier?.watch(basename(this.file), {
      version: () => this.#known.version,
      changed: (version) =>
        void this.#changes
          .run(() => this.#writes.run(() => (version === this.#known.version ? undefined : this.#take())))
          .then(() => this.#saveAgain())
          .then(() => more.answers?.())
          .catch((error: unknown) => {
            // It is tried again every few seconds.
            if (loggedVersion !== version) {
              loggedVersion = version;
              this.#log.error({ cause: explain(error) }, 'taking a change of another server failed');
            }
          }),
      outdated: () => more.outdated?.(),
    });
  }

  /**
   * Runs changes one after the other. One computes a value from what is in memory and saves it; if another server has saved meanwhile, its
   * value is taken, and the change is made again.
   */
  change<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#changes.run(async () => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await work();
        } catch (error) {
          if (!isStaleVersion(error) || tries === MAX_TRIES) {
            throw error;
          }
          await this.#writes.run(() => this.#take());
        }
      }
    });
  }

  /** Asks the carrier whether another server has saved since, and takes that. Calls that wait become one. */
  ask(): Promise<void> {
    const carrier = this.#carrier;
    this.#asking ??= this.#changes.run(async () => {
      this.#asking = undefined;
      if (carrier && (await carrier.versionOf(basename(this.file))) !== this.#known.version) {
        await this.#writes.run(() => this.#take());
      }
    });
    return this.#asking;
  }

  async #take(): Promise<void> {
    const former = this.#known.value;
    // Servers of a fleet save large values again and again.
    this.#compiled ??= (await import('typebox/compile')).Compile(this.#schema);
    const value = await this.load();
    this.#follower?.taken(value, former);
  }

  async #saveAgain(): Promise<void> {
    const value = this.#value;
    if (this.#follower?.isUnsaved && value) {
      await this.trySave(value, 'saving again failed');
    }
  }

  /**
   * After a power cut the file has the old or the new value. Saves run one after the other; those that wait become one.
   * @param value called when it is written
   * @throws PerchError unavailable; badInput: larger than what is read; conflict: another server has saved meanwhile
   */
  save(value: () => Immutable<Static<Schema>>): Promise<void> {
    this.#value = value;
    this.#waiting ??= this.#writes.run(async () => {
      this.#waiting = undefined;
      if (this.#carrier) {
        await this.#saveShared(this.#carrier);
      } else {
        await (this.#isUnread ? this.#replaceUnread() : savePrivate(this.file, this.#value?.()));
      }
    });
    return this.#waiting;
  }

  async #saveShared(carrier: DocumentCarrier): Promise<void> {
    const follower = this.#follower?.merges === true ? this.#follower : undefined;
    for (let tries = 1; ; tries += 1) {
      const json = JSON.stringify(this.#value?.());
      try {
        const version = await carrier.save(basename(this.file), json, this.#known.version);
        this.#known = { version, value: JSON.parse(json) };
        if (follower) {
          follower.isUnsaved = false;
        }
        return;
      } catch (error) {
        if (follower) {
          follower.isUnsaved = true;
        }
        if (!follower || !isStaleVersion(error) || tries === MAX_TRIES) {
          throw error;
        }
        await this.#take();
      }
    }
  }

  /** As `save`, but never rejects. @param failure logged then @returns whether the value is saved */
  trySave(value: () => Immutable<Static<Schema>>, failure: string): Promise<boolean> {
    return this.save(value).then(
      () => true,
      (error: unknown) => {
        this.#log.warn({ cause: explain(error) }, failure);
        return false;
      },
    );
  }

  remove(): Promise<void> {
    this.#waiting = undefined;
    return this.#writes.run(async () => {
      if (this.#carrier) {
        this.#known = {
          version: await this.#carrier.save(basename(this.file), undefined, undefined),
          value: undefined,
        };
        return;
      }
      await rm(this.file, { force: true });
      await syncFolder(dirname(this.file)).catch(unlessMissing);
    });
  }

  /** Resolves when all saves have ended. */
  close(): Promise<void> {
    return this.#writes.run(() => {});
  }

  /** If the value cannot be saved, the file is as before. */
  async #replaceUnread(): Promise<void> {
    const aside = existsSync(this.file) ? await putAside(this.file) : undefined;
    try {
      await savePrivate(this.file, this.#value?.());
    } catch (error) {
      if (aside !== undefined) {
        await rename(aside, this.file).catch(() => {});
      }
      throw error;
    }
    this.#isUnread = false;
  }
}

/** Without the folder there is no file in it. */
function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') {
    throw error;
  }
}
