import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import type { ArchiveKeyRing } from '../../archive/encryption/encrypted-storage.ts';
import { keyIdOf, keyTextOf, newArchiveKey, parseKeyText } from '../../archive/encryption/key-text.ts';
import { SecretKey } from '../../auth/accounts/secret-key.ts';
import { loadPrivate, savePrivate } from '../../base/durable-file.ts';
import { PerchError } from '../../base/errors.ts';
import { type Logger, silentLogger } from '../../base/log.ts';

/** In the data folder. */
export const ARCHIVE_KEY_FILE = 'archive-keys.json';
const MAX_KEYS = 8;

const StoredKeys = Type.Object({
  /** The first one encrypts. */
  keys: Type.Array(
    Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{16}$' }), sealed: Type.String({ maxLength: 200 }) }),
    { minItems: 1, maxItems: MAX_KEYS },
  ),
  /** The first one was written down. */
  isNoted: Type.Boolean(),
});
type StoredKeys = Static<typeof StoredKeys>;
type SealedKey = StoredKeys['keys'][number];

/** Undefined for a damaged file. */
export const readArchiveKeys = (stored: unknown): StoredKeys | undefined =>
  Check(StoredKeys, stored) ? stored : undefined;

/** The keys that this box encrypts and decrypts its archive with, sealed on the disk with the key of the box. */
export class ArchiveKeys implements ArchiveKeyRing {
  readonly #file: string;
  readonly #secret: SecretKey;
  #stored: StoredKeys | undefined;
  #opened: readonly (Buffer | undefined)[];

  /** @throws PerchError for a damaged file: another key would leave the archive unreadable */
  static async open(dataDir: string, log: Logger): Promise<ArchiveKeys> {
    const file = join(dataDir, ARCHIVE_KEY_FILE);
    const found = await loadPrivate(file);
    const stored = readArchiveKeys(found);
    if (found !== undefined && !stored) {
      const way = 'restore it from a backup, or delete it and type the key again';
      throw new PerchError('unavailable', `${file} is damaged: ${way}`);
    }
    return new ArchiveKeys(file, await SecretKey.open(dataDir, log), stored);
  }

  private constructor(file: string, secret: SecretKey, stored: StoredKeys | undefined) {
    this.#file = file;
    this.#secret = secret;
    this.#stored = stored;
    this.#opened = openedWith(secret, stored);
  }

  get current(): Buffer | undefined {
    return this.#opened[0];
  }

  get all(): readonly Buffer[] {
    return this.#opened.filter((key) => key !== undefined);
  }

  /** Of the key that encrypts, whether it can be read or not. */
  get id(): string | undefined {
    return this.#stored?.keys[0]?.id;
  }

  get isNoted(): boolean {
    return this.#stored?.isNoted ?? false;
  }

  /** Makes the first key, unless there is one. */
  async makeFirst(): Promise<void> {
    if (!this.#stored) {
      await this.#save([sealedWith(this.#secret, newArchiveKey())], false);
    }
  }

  /** The key that encrypts, to be written down. @throws PerchError notFound after that, unavailable if it cannot be read */
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

  async noted(): Promise<void> {
    if (this.#stored) {
      await this.#save(this.#stored.keys, true);
    }
  }

  /** Takes a key that was written down: the first one encrypts, too. @returns its id @throws PerchError badInput, exhausted */
  async add(typed: string): Promise<string> {
    const key = parseKeyText(typed);
    const added = sealedWith(this.#secret, key);
    const { keys = [], isNoted = true } = this.#stored ?? {};
    const at = keys.findIndex(({ id }) => id === added.id);
    const next = at < 0 ? [...keys, added] : keys.with(at, added);
    if (next.length > MAX_KEYS) {
      throw new PerchError('exhausted', `this box has ${MAX_KEYS} keys, which is the maximum`, { why: 'limit' });
    }
    await this.#save(next, isNoted || at === 0);
    return added.id;
  }

  async #save(keys: StoredKeys['keys'], isNoted: boolean): Promise<void> {
    const stored = { keys, isNoted };
    await savePrivate(this.#file, stored);
    this.#stored = stored;
    this.#opened = openedWith(this.#secret, stored);
  }
}

/** For the terminal of the box. @throws PerchError notFound if there is no key, unavailable if it cannot be read */
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
 * The file after a restore: the backup's keys, then those of this box, which it may still have objects of.
 * @param secrets keys that sealed them, of the backup or of this box; undefined: no readable one
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
  const keys = [...(backup?.keys ?? []), ...others].slice(0, MAX_KEYS);
  return keys.length === 0 ? undefined : { keys, isNoted: (backup ?? now).isNoted };
}
