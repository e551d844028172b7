import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Type, { type Static, type TSchema } from 'typebox';
import { explain, PerchError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { StoredDocument } from './stored-document.ts';

/** A revocation that says all by its key. */
export const RevokedKey = Type.Null();

const journalOf = <Schema extends TSchema>(change: Schema) =>
  Type.Object({ revocations: Type.Array(Type.Object({ key: Type.String(), change })) });

interface Entry<Change> {
  readonly key: string;
  readonly change: Change;
  /** The database has not taken it. */
  isUnsaved: boolean;
}

interface Options<Schema extends TSchema> {
  /** What they change. */
  readonly document: StoredDocument<TSchema>;
  readonly schema: Schema;
  /** Saves a revocation, also a second time. @throws PerchError notFound: there is nothing left to revoke */
  readonly save: (key: string, change: Static<Schema>) => Promise<void>;
  readonly log: Logger;
}

/**
 * Revocations that the database could not take: they hold on this server at once, and are saved when it answers again. Until they are saved
 * they are in a file of the data folder, which is written first, so that they also hold after a restart.
 */
export class UnsavedRevocations<Schema extends TSchema> {
  readonly #options: Options<Schema>;
  readonly #journal: StoredDocument<ReturnType<typeof journalOf<Schema>>>;
  /** In the order of their calls: a change after a removal must not take its place. */
  readonly #entries = new Set<Entry<Static<Schema>>>();

  constructor(options: Options<Schema>) {
    this.#options = options;
    const { document, schema, log } = options;
    const file = join(dirname(document.file), `unsaved-${basename(document.file)}`);
    this.#journal = new StoredDocument(file, journalOf(schema), log);
  }

  /** Saves what was not saved before the restart; also when the documents are files again. @throws PerchError if it still cannot be saved */
  async open(): Promise<void> {
    if (!existsSync(this.#journal.file)) {
      return;
    }
    const stored = (await this.#journal.open('revocations that the database did not have are lost')) as
      | { readonly revocations: readonly { readonly key: string; readonly change: Static<Schema> }[] }
      | undefined;
    for (const { key, change } of stored?.revocations ?? []) {
      this.#entries.add({ key, change, isUnsaved: true });
    }
    for (const { key } of this.#entries) {
      await this.#saveEarlier(key);
    }
    await this.#write();
  }

  /** Whether the access of this name, or with this id, is revoked, and the database does not have that. */
  has(key: string): boolean {
    return this.#unsaved(key).length > 0;
  }

  /** @throws PerchError if it is not saved yet */
  async save(key: string, change: Static<Schema>): Promise<void> {
    if (!this.#options.document.isShared) {
      return this.#options.save(key, change);
    }
    const entry = { key, change, isUnsaved: false };
    this.#entries.add(entry);
    await this.#write();
    try {
      await this.#saveEarlier(key);
      await this.#options.save(key, change);
      this.#entries.delete(entry);
    } catch (error) {
      if (!isAway(error)) {
        this.#entries.delete(entry);
        throw error;
      }
      entry.isUnsaved = true;
      const message = 'it is revoked on this server, and is saved for the others when the database is back';
      throw new PerchError('unavailable', message, {}, error);
    } finally {
      if (!entry.isUnsaved) {
        await this.#write();
      }
    }
  }

  /** The database answers again. */
  async saveAgain(): Promise<void> {
    const keys = new Set(this.#unsaved().map(({ key }) => key));
    for (const key of keys) {
      try {
        await this.#saveEarlier(key);
      } catch (error) {
        if (isAway(error)) {
          break;
        }
        this.#options.log.warn({ key, cause: explain(error) }, 'revocation is not saved yet');
      }
    }
    if (keys.size > 0) {
      await this.#write();
    }
  }

  #unsaved(key?: string): readonly Entry<Static<Schema>>[] {
    return [...this.#entries].filter((entry) => entry.isUnsaved && (key === undefined || entry.key === key));
  }

  /** @throws PerchError if one is still not saved, which then stays with those after it */
  async #saveEarlier(key: string): Promise<void> {
    for (const entry of this.#unsaved(key)) {
      await this.#options.save(key, entry.change).catch((error: unknown) => {
        if (!(error instanceof PerchError) || error.code !== 'notFound') {
          throw error;
        }
        // An earlier one of them has removed it, or another server has.
        this.#options.log.info({ key, cause: explain(error) }, 'revocation had nothing left to revoke');
      });
      this.#entries.delete(entry);
    }
  }

  /** Never rejects: with a full disk they hold until a restart. */
  async #write(): Promise<void> {
    const failure = 'revocations that the database may not have are lost with a restart';
    const entries = this.#entries;
    if (entries.size > 0) {
      const revocations = () => [...entries].map(({ key, change }) => ({ key, change }));
      await this.#journal.trySave(() => ({ revocations: revocations() }) as never, failure);
    } else {
      await this.#journal
        .remove()
        .catch((error: unknown) => this.#options.log.warn({ cause: explain(error) }, failure));
    }
  }
}

const isAway = (error: unknown): boolean => error instanceof PerchError && error.code === 'unavailable';
