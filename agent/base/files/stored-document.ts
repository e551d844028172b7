import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Static, TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { explain, PerchError } from '../errors.ts';
import { type Logger, silentLogger } from '../log.ts';
import { SerialQueue } from '../serial-queue.ts';
import { loadPrivate, putAside, savePrivate, syncFolder } from './durable-file.ts';

type Immutable<T> = unknown extends T ? T : { readonly [Key in keyof T]: Immutable<T[Key]> };

/** A JSON value in one file of the data folder. Only the owner of the file may read it. */
export class StoredDocument<Schema extends TSchema> {
  readonly file: string;
  readonly #schema: Schema;
  readonly #log: Logger;
  readonly #writes = new SerialQueue();
  /** The file holds what was not read: it is renamed before another value is saved. */
  #isUnread = false;
  #fault: string | undefined;
  #value: (() => Immutable<Static<Schema>>) | undefined;
  /** A save that has not begun: it writes the last value. */
  #waiting: Promise<void> | undefined;

  constructor(file: string, schema: Schema, log = silentLogger) {
    this.file = file;
    this.#schema = schema;
    this.#log = log;
  }

  /** What is lost because the file could not be read; undefined: nothing is. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /**
   * The stored value; undefined without a file, and with one that is damaged or unreadable. The damaged one is renamed, and the unreadable
   * one when another value is saved: until then a restart may read it.
   * @param loss logged then
   */
  async open(loss: string): Promise<Static<Schema> | undefined> {
    this.#isUnread = false;
    try {
      return await this.openReadable(loss);
    } catch (error) {
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
      if (!(error instanceof PerchError) || error.code !== 'badInput') {
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
    const value = await loadPrivate(file);
    if (value !== undefined && !Check(this.#schema, value)) {
      throw new PerchError('badInput', `${file} is damaged`, { file });
    }
    return value;
  }

  /**
   * After a power cut the file has the old or the new value. Saves run one after the other; those that wait become one.
   * @param value called when it is written
   * @throws PerchError unavailable
   */
  save(value: () => Immutable<Static<Schema>>): Promise<void> {
    this.#value = value;
    this.#waiting ??= this.#writes.run(async () => {
      this.#waiting = undefined;
      await (this.#isUnread ? this.#replaceUnread() : savePrivate(this.file, this.#value?.()));
    });
    return this.#waiting;
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
