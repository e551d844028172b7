import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { PerchError } from '../base/errors.ts';
import { hashPassword, PasswordHash, verifyPassword } from './password-hash.ts';
import { loadPrivate, savePrivate } from './private-file.ts';

const UsersFile = Type.Object({
  users: Type.Array(
    Type.Object({
      name: Type.String({ minLength: 1, maxLength: 64 }),
      role: Type.Literal('owner'),
      password: PasswordHash,
    }),
    { maxItems: 1 },
  ),
});
type User = Static<typeof UsersFile>['users'][number];

export const OWNER_NAME = 'owner';

/** The people of the web UI, in `users.json` of the data folder: the owner, once there is one. */
export class Users {
  readonly #file: string;
  #users: readonly User[];
  /** Hashed instead of a user's own when the name is wrong, so that the time does not tell which of the two it was. */
  #decoy: Promise<PasswordHash> | undefined;
  #claiming = false;

  static async open(dataDir: string): Promise<Users> {
    const file = join(dataDir, 'users.json');
    const stored = await loadPrivate(file);
    if (stored === undefined) {
      return new Users(file, []);
    }
    // Never taken for "no owner yet": that would offer the box to whoever asks first.
    if (!Check(UsersFile, stored)) {
      throw new PerchError('badInput', `${file} is damaged: remove it to set a new owner's password`, { file });
    }
    return new Users(file, stored.users);
  }

  private constructor(file: string, users: readonly User[]) {
    this.#file = file;
    this.#users = users;
  }

  get owner(): string | undefined {
    return this.#users.find((user) => user.role === 'owner')?.name;
  }

  /** What a remembered verification is bound to: it changes with the password. */
  stampOf(name: string): string | undefined {
    return this.#users.find((user) => user.name === name)?.password.hash;
  }

  async setOwner(password: string): Promise<void> {
    if (this.owner !== undefined || this.#claiming) {
      throw new PerchError('badInput', 'this box has an owner already: log in');
    }
    this.#claiming = true;
    try {
      const users: User[] = [{ name: OWNER_NAME, role: 'owner', password: await hashPassword(password) }];
      await savePrivate(this.#file, { users });
      this.#users = users;
    } finally {
      this.#claiming = false;
    }
  }

  async verify(name: string, password: string): Promise<boolean> {
    const user = this.#users.find((candidate) => candidate.name === name);
    if (!user) {
      this.#decoy ??= hashPassword('');
      await verifyPassword(password, await this.#decoy);
      return false;
    }
    return verifyPassword(password, user.password);
  }
}
