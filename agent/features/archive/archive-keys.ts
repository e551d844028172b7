import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { SecretKey } from '../../auth/accounts/secret-key.ts';
import { PerchError } from '../../base/errors.ts';
import { loadPrivate, savePrivate } from '../../base/files/durable-file.ts';
import { type Logger, silentLogger } from '../../base/log.ts';
import type { ArchiveKeyRing } from './encryption/encrypted-storage.ts';
import { keyIdOf, keyTextOf, newArchiveKey, parseKeyText } from './encryption/key-text.ts';

/** File of the archive's keys, in the data folder. */
export const ARCHIVE_KEY_FILE = 'archive-keys.json';
const MAX_KEYS = 8;

const StoredKeys = Type.Object({
  /** The first key encrypts. */
  keys: Type.Array(
    Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{16}$' }), sealed: Type.String({ maxLength: 200 }) }),
    { minItems: 1, maxItems: MAX_KEYS },
  ),
  /** Whether the owner has written down the first key. */
  isNoted: Type.Boolean(),
});
type StoredKeys = Static<typeof StoredKeys>;
type SealedKey = StoredKeys['keys'][number];

/** @returns undefined for a damaged file */
export const readArchiveKeys = (stored: unknown): StoredKeys | undefined =>
  Check(StoredKeys, stored) ? stored : undefined;

/** The keys that this box encrypts and decrypts its archive with, sealed on the disk with the key of the box. */
export class ArchiveKeys implements ArchiveKeyRing {
  readonly #dataDir: string;
  #stored: StoredKeys | undefined;
  #opened: readonly (Buffer | undefined)[];
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws PerchError for a damaged file: another key would leave the archive unreadable */
  static async open(dataDir: string, log: Logger): Promise<ArchiveKeys> {
    const file = join(dataDir, ARCHIVE_KEY_FILE);
    const found = await loadPrivate(file);
    const stored = readArchiveKeys(found);
    if (found !== undefined && !stored) {
      const way = 'restore it from a backup, or delete it and type the key again';
      throw new PerchError('unavailable', `${file} is damaged: ${way}`);
    }
    return new ArchiveKeys(dataDir, await SecretKey.open(dataDir, log), stored);
  }

  private constructor(dataDir: string, secret: SecretKey, stored: StoredKeys | undefined) {
    this.#dataDir = dataDir;
    this.#stored = stored;
    this.#opened = openedWith(secret, stored);
  }

  get current(): Buffer | undefined {
    return this.#opened[0];
  }

  get all(): readonly Buffer[] {
    return this.#opened.filter((key) => key !== undefined);
  }

  /** Id of the key that encrypts, even if that key cannot be read, or undefined if there is no key. */
  get id(): string | undefined {
    return this.#stored?.keys[0]?.id;
  }

  get isNoted(): boolean {
    return this.#stored?.isNoted ?? false;
  }

  /** Makes the first key, unless there is one. */
  makeFirst(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#stored) {
        await this.#save([sealedWith(await this.#secret(), newArchiveKey())], false);
      }
    });
  }

  /**
   * The key that encrypts, as text for the owner to write down.
   * @throws PerchError notFound once it is written down, unavailable if it cannot be read
   */
  text(): string {
    if (this.isNoted) {
      throw new PerchError('notFound', 'the key was written down before: perch archive-key shows it on the box', {
        why: 'noted',
      });
    }
    return this.texts()[0] ?? '';
  }

  /** All keys, the one that encrypts first. @throws PerchError unavailable if that one cannot be read */
  texts(): readonly string[] {
    if (!this.#stored) {
      throw new PerchError('notFound', 'there is no key yet: the archive is not encrypted');
    }
    if (!this.current) {
      throw new PerchError('unavailable', `the key ${this.id} cannot be read: type it again`, { why: 'key' });
    }
    return this.all.map(keyTextOf);
  }

  noted(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#stored) {
        await this.#save(this.#stored.keys, true);
      }
    });
  }

  /** Adds a key by its text. The first key of a box also encrypts. @returns its id @throws PerchError badInput, exhausted */
  async add(typed: string): Promise<string> {
    const key = parseKeyText(typed);
    return this.#inTurn(async () => {
      const added = sealedWith(await this.#secret(), key);
      const { keys = [], isNoted = true } = this.#stored ?? {};
      const at = keys.findIndex(({ id }) => id === added.id);
      const next = at < 0 ? [...keys, added] : keys.with(at, added);
      if (next.length > MAX_KEYS) {
        throw new PerchError('exhausted', `this box has ${MAX_KEYS} keys, which is the maximum`, { why: 'limit' });
      }
      await this.#save(next, isNoted || at === 0);
      return added.id;
    });
  }

  async #save(keys: StoredKeys['keys'], isNoted: boolean): Promise<void> {
    const stored = { keys, isNoted };
    await savePrivate(join(this.#dataDir, ARCHIVE_KEY_FILE), stored);
    this.#opened = openedWith(await this.#secret(), stored);
    this.#stored = stored;
  }

  /** The box's key from the disk. Keys sealed with any other key would be unreadable after a restart. @throws PerchError unavailable */
  async #secret(): Promise<SecretKey> {
    const secret = await SecretKey.find(this.#dataDir);
    if (!secret) {
      const why = `${this.#dataDir} has no readable secret.json, which seals the keys of the archive`;
      throw new PerchError('unavailable', `${why}: make room on its disk, then start Perch again`, { why: 'key' });
    }
    return secret;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

/** The keys as text, for the terminal of the box. @throws PerchError notFound if there is no key, unavailable if it cannot be read */
export async function archiveKeysHere(dataDir: string): Promise<readonly string[]> {
  if (!existsSync(join(dataDir, ARCHIVE_KEY_FILE))) {
    throw new PerchError('notFound', `${dataDir} has no key of an archive: set the data folder with --data DIR`);
  }
  return (await ArchiveKeys.open(dataDir, silentLogger)).texts();
}

const sealedWith = (secret: SecretKey, key: Buffer): SealedKey => {
  const id = keyIdOf(key).toString('hex');
  return { id, sealed: secret.seal('archiveKey', key.toString('base64url'), id) };
};

function openedWith(secret: SecretKey, stored: StoredKeys | undefined): readonly (Buffer | undefined)[] {
  return (stored?.keys ?? []).map(({ id, sealed }) => {
    const text = secret.unseal('archiveKey', sealed, id);
    return text === undefined ? undefined : Buffer.from(text, 'base64url');
  });
}

/**
 * The key file after a restore: the backup's keys, then those of this box, whose objects the archive may still have.
 * @param secrets keys that sealed them, of the backup or of this box, or undefined if there is no readable key
 * @throws PerchError exhausted if there are too many keys
 */
export function restoredKeys(
  [backup, now]: readonly [StoredKeys | undefined, StoredKeys | undefined],
  [next, former]: readonly [SecretKey | undefined, SecretKey | undefined],
): StoredKeys | undefined {
  const seals = next ?? former;
  if (!seals || !now) {
    return backup;
  }
  const kept = openedWith(former ?? seals, now).flatMap((key) => (key ? [sealedWith(seals, key)] : []));
  const others = kept.filter(({ id }) => !backup?.keys.some((one) => one.id === id));
  const keys = [...(backup?.keys ?? []), ...others];
  if (keys.length > MAX_KEYS) {
    const way = `write down those of this box (perch archive-key), move its ${ARCHIVE_KEY_FILE} away, and restore again`;
    const text = `the backup and this box have ${keys.length} keys of the archive, the maximum is ${MAX_KEYS}`;
    throw new PerchError('exhausted', `${text}: ${way}`, { why: 'limit' });
  }
  return keys.length === 0 ? undefined : { keys, isNoted: (backup ?? now).isNoted };
}
