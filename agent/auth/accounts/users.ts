import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { explain, PerchError } from '../../base/errors.ts';
import { putAside } from '../../base/files/durable-file.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { UnsavedRevocations } from '../../base/files/unsaved-revocations.ts';
import { type Logger, silentLogger } from '../../base/log.ts';
import { hashPassword, PasswordHash, verifyPassword } from '../passwords/password-hash.ts';
import { limitedPerson, ownerPerson, type Person, type Rights } from './person.ts';
import { noLogins } from './sessions.ts';

const MAX_USERS = 50;
const NAME_CHARS = 64;
const PATH_CHARS = 512;
/** Starts with a letter or digit of any language. Without colon, which ends the name in `Basic`, and slash. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+ -]*$/u;

export const CameraSelection = Type.Union([
  Type.Literal('all'),
  Type.Array(Type.String({ minLength: 1, maxLength: PATH_CHARS }), { maxItems: 500 }),
]);
const Name = Type.String({ minLength: 1, maxLength: NAME_CHARS });
const Owner = Type.Object({ name: Name, role: Type.Literal('owner'), password: PasswordHash });
export const rights = {
  live: Type.Boolean(),
  recordings: Type.Boolean(),
  talk: Type.Optional(Type.Boolean()),
  turn: Type.Optional(Type.Boolean()),
  /** Earlier versions ignore and keep it. */
  switch: Type.Optional(Type.Boolean()),
};
const terms = { password: PasswordHash, cameras: CameraSelection, ...rights };
const Viewer = Type.Object({ name: Name, role: Type.Literal('viewer'), ...terms });
const Revocation = Type.Union([Type.Literal('removed'), Type.Partial(Type.Object(terms))]);
type Revocation = Static<typeof Revocation>;
const UsersFile = Type.Refine(
  Type.Object({
    users: Type.Array(Type.Union([Owner, Viewer]), { maxItems: MAX_USERS }),
    /** Whether `perch reset-password` was used. Without it, a file without an owner counts as damaged. */
    setup: Type.Optional(Type.Literal('again')),
  }),
  isWhole,
);
type UsersFile = Static<typeof UsersFile>;
type User = UsersFile['users'][number];

export const OWNER_NAME = 'owner';

/** A viewer in the owner's list. */
export interface ViewerItem extends Rights {
  readonly name: string;
}

/** The users, in `users.json` of the data folder: the owner, once there is one, and viewers. */
export class Users {
  readonly #document: StoredDocument<typeof UsersFile>;
  #users: readonly User[];
  #people = new Map<string, Person>();
  /** Hash that is verified for unknown names, so that the time does not reveal which names exist. */
  #decoy: Promise<PasswordHash> | undefined;
  /** The last removed users, until the program ends. */
  #removed: readonly User[] = [];
  #onReduced: (name: string) => void = () => {};
  #onOwnerChanged: () => void = () => {};
  readonly #unsaved: UnsavedRevocations<typeof Revocation>;
  #claiming = false;
  readonly #log: Logger;
  /** Why the stored people are unusable: logins and claims are rejected, and nothing is saved. */
  #damage: PerchError | undefined;

  /** Reads the users. With a damaged file Perch runs locked, because recordings must not stop. */
  static async open(dataDir: string, log: Logger = silentLogger): Promise<Users> {
    const document = documentIn(dataDir);
    try {
      const users = new Users(document, (await document.load())?.users ?? [], log);
      await users.#unsaved.open();
      return users;
    } catch (error) {
      if (!(error instanceof PerchError) || document.isShared) {
        throw error;
      }
      log.error({ file: document.file, cause: explain(error) }, LOCKED);
      return new Users(document, [], log, error);
    }
  }

  /** Removes the owner: the box is set up again. Viewers stay, unless the file is damaged, which is renamed. @returns false if there was none */
  static async forgetOwner(dataDir: string): Promise<boolean> {
    const document = documentIn(dataDir);
    const stored = await document.load().catch(async (error: unknown) => {
      if (!(error instanceof PerchError) || error.code !== 'badInput') {
        throw error;
      }
      await putAside(document.file);
      return 'damaged' as const;
    });
    if (stored === 'damaged') {
      await document.save(() => ({ users: [], setup: 'again' }));
      return true;
    }
    const users = stored?.users ?? [];
    const viewers = users.filter(({ role }) => role === 'viewer');
    if (viewers.length === users.length) {
      return false;
    }
    await document.save(() => ({ users: viewers, setup: 'again' }));
    return true;
  }

  private constructor(
    document: StoredDocument<typeof UsersFile>,
    users: readonly User[],
    log: Logger,
    damage?: PerchError,
  ) {
    this.#log = log;
    const save = (name: string, revocation: Revocation) => this.#saveRevocation(name, revocation);
    this.#unsaved = new UnsavedRevocations({ document, schema: Revocation, save, log });
    this.#document = document;
    this.#damage = damage;
    this.#users = users;
    this.#people = peopleOf(users);
    document.follow((stored) => this.#take(stored?.users), {
      outdated: () => this.#notifyAll(),
      answers: () => this.#unsaved.saveAgain(),
    });
  }

  /** Called with the name of each user whose rights another server has changed, or can no longer be confirmed. */
  onReduced(listener: (name: string) => void): void {
    this.#onReduced = listener;
  }

  /** Called when another server has set or removed the owner. */
  onOwnerChanged(listener: () => void): void {
    this.#onOwnerChanged = listener;
  }

  get owner(): string | undefined {
    // It must not be undefined, which would let anyone claim the box.
    return this.#damage ? OWNER_NAME : this.#users.find((user) => user.role === 'owner')?.name;
  }

  /** Why the people are not known at present: another server may have revoked rights that are still in memory. */
  get unknown(): PerchError | undefined {
    return this.#document.isCurrent ? undefined : noLogins(this.#document.away);
  }

  get viewers(): readonly ViewerItem[] {
    return this.#users
      .filter(isViewer)
      .map(({ name, cameras, live, recordings, talk = false, turn = false, ...rest }) => ({
        name,
        cameras,
        live,
        recordings,
        talk,
        turn,
        switch: rest.switch ?? false,
      }));
  }

  person(name: string): Person | undefined {
    return this.knows(name) ? this.#people.get(name) : undefined;
  }

  /** False: what the person may do is not known at present, so that they may do nothing. */
  knows(name: string): boolean {
    return this.#document.isCurrent && !this.#unsaved.has(name);
  }

  /** The user whom a typed name means: letter case does not matter, because phones capitalize. */
  nameOf(typed: string): string {
    const names = this.#users.map(({ name }) => name);
    return names.includes(typed) ? typed : (names.find((name) => isSameName(name, typed)) ?? typed);
  }

  /** Text that binds a cached verification to the password. */
  stampOf(name: string): string | undefined {
    return this.#users.find((user) => user.name === name)?.password.hash;
  }

  /** @param password or its hash */
  async setOwner(password: string | PasswordHash): Promise<void> {
    if (this.owner !== undefined || this.#claiming) {
      throw hasOwner();
    }
    this.#claiming = true;
    try {
      const hash = typeof password === 'string' ? await hashPassword(password) : password;
      await this.#change((users) => {
        if (users.some(({ role }) => role === 'owner')) {
          throw hasOwner();
        }
        return [{ name: OWNER_NAME, role: 'owner', password: hash }, ...users];
      });
    } finally {
      this.#claiming = false;
    }
  }

  async add(viewer: ViewerItem, password: string): Promise<void> {
    checkName(viewer.name);
    const hash = await hashPassword(password);
    const { cameras } = viewer;
    await this.#change((users) =>
      withNew(users, { ...viewer, role: 'viewer', password: hash, cameras: copyOf(cameras) }),
    );
  }

  /** Whether the person has no access on this server, because a revocation is not saved yet. */
  isBlocked(name: string): boolean {
    return this.#unsaved.has(name);
  }

  /** @throws PerchError notFound, also for the owner, who has all rights and changes the password elsewhere */
  async change(name: string, { cameras, ...rights }: Partial<Rights>, password?: string): Promise<void> {
    const before = this.#viewer(name);
    const hash = password === undefined ? undefined : await hashPassword(password);
    const change = {
      ...rights,
      ...(hash && { password: hash }),
      ...(cameras !== undefined && { cameras: copyOf(cameras) }),
    };
    // With a database that is away, the person loses all access here until it is back.
    await (hash || isLess(before, { ...before, ...change } as User)
      ? this.#unsaved.save(name, change)
      : this.#saveRevocation(name, change));
  }

  async remove(name: string): Promise<void> {
    const removed = this.#viewer(name);
    await this.#unsaved.save(name, 'removed');
    // Those that can be restored.
    this.#removed = [removed, ...this.#removed.filter((user) => user.name !== name)].slice(0, 10);
  }

  /** Restores a removed viewer with the same password. @throws PerchError notFound after too many removals or a restart */
  async restore(name: string): Promise<void> {
    const removed = this.#removed.find((user) => user.name === name);
    if (!removed) {
      throw new PerchError('notFound', `no user '${name.slice(0, NAME_CHARS)}' was removed recently`);
    }
    await this.#change((users) => withNew(users, removed));
    this.#removed = this.#removed.filter((user) => user !== removed);
  }

  async setPassword(name: string, password: string): Promise<void> {
    const hash = await hashPassword(password);
    await this.#change((users) => users.map((user) => (user.name === name ? { ...user, password: hash } : user)));
  }

  /** @throws PerchError unavailable if the file is damaged, or the database does not answer */
  async verify(name: string, password: string): Promise<boolean> {
    this.#throwIfDamaged();
    const { away } = this.#document;
    if (away !== undefined) {
      throw noLogins(away);
    }
    // Another server may have changed the person a moment ago.
    await this.#document.ask().catch(() => {
      throw noLogins(this.#document.away);
    });
    const user = this.#users.find((candidate) => candidate.name === name);
    if (!user) {
      this.#decoy ??= hashPassword('');
      await verifyPassword(password, await this.#decoy);
      return false;
    }
    return verifyPassword(password, user.password);
  }

  #throwIfDamaged(): void {
    if (this.#damage) {
      const { isShared, file } = this.#document;
      throw new PerchError('unavailable', isShared ? LOST : LOCKED, { file }, this.#damage);
    }
  }

  #viewer(name: string): User {
    const viewer = this.#users.find((user) => user.role === 'viewer' && user.name === name);
    if (!viewer) {
      throw new PerchError('notFound', `there is no user '${name.slice(0, NAME_CHARS)}' added by the owner`);
    }
    return viewer;
  }

  /** @param stored undefined: the database has no people */
  #take(stored: readonly User[] | undefined): void {
    const { owner } = this;
    const before = this.#users;
    this.#lockIfLost(stored);
    const users = stored ?? [];
    this.#users = users;
    this.#people = peopleOf(users);
    for (const user of before.filter((one) => !users.some((other) => isDeepStrictEqual(one, other)))) {
      this.#onReduced(user.name);
    }
    if (this.owner !== owner) {
      this.#onOwnerChanged();
    }
  }

  /** Perch never deletes this document, so somebody emptied or replaced the database. Nobody may claim a running server because of that. */
  #lockIfLost(stored: readonly User[] | undefined): void {
    const isLost = stored === undefined && (this.#users.length > 0 || this.#damage !== undefined);
    if (isLost && !this.#damage) {
      this.#log.error(LOST);
    }
    this.#damage = isLost ? new PerchError('notFound', 'users.json is not in the database any more') : undefined;
  }

  #saveRevocation(name: string, change: Revocation): Promise<void> {
    return this.#change((users) => {
      const viewer = this.#viewer(name);
      return change === 'removed'
        ? users.filter((user) => user !== viewer)
        : users.map((user) => (user === viewer ? ({ ...user, ...change } as User) : user));
    });
  }

  #notifyAll(): void {
    for (const { name } of this.#users) {
      this.#onReduced(name);
    }
  }

  /** Changes run in sequence; memory changes after the file. */
  #change(next: (users: readonly User[]) => readonly User[]): Promise<void> {
    return this.#document.change(async () => {
      this.#throwIfDamaged();
      const users = next(this.#users);
      const hasOwner = users.some(({ role }) => role === 'owner');
      await this.#document.save(() => (hasOwner ? { users } : { users, setup: 'again' }));
      this.#users = users;
      this.#people = peopleOf(users);
    });
  }
}

const hasOwner = () => new PerchError('badInput', 'this box already has an owner: log in');

const LOCKED =
  'users.json is damaged, so no login works: restore it from a backup, or run perch reset-password on this box';

const LOST =
  'the database has no people any more, so nobody can log in: restore it, or restart all servers to set them up again';

const documentIn = (dataDir: string) => new StoredDocument(join(dataDir, 'users.json'), UsersFile);

/** A person of a `users.json`, comparable by value. */
export interface StoredPerson {
  /** Password and role. A change of them ends the person's sessions. */
  readonly login: string;
  readonly rights: string;
}

/** The people of a `users.json` from a backup, by name. @throws PerchError badInput if it is damaged or has no owner */
export function readPeople(stored: unknown): ReadonlyMap<string, StoredPerson> {
  if (!Check(UsersFile, stored)) {
    throw new PerchError('badInput', 'not a list of users');
  }
  if (!stored.users.some(({ role }) => role === 'owner')) {
    throw new PerchError('badInput', 'it has no owner');
  }
  return new Map(
    stored.users.map((user) => [
      user.name,
      { login: `${user.role} ${user.password.hash}`, rights: user.role === 'owner' ? '' : rightsText(user) },
    ]),
  );
}

const rightsText = ({ cameras, ...may }: Rights): string => {
  const { live, recordings, talk = false, turn = false, switch: switches = false } = may;
  return JSON.stringify([cameras === 'all' ? cameras : [...cameras].sort(), live, recordings, talk, turn, switches]);
};

function isWhole({ users, setup }: { users: { name: string; role: string }[]; setup?: 'again' }): boolean {
  const owners = users.filter(({ role }) => role === 'owner').length;
  const names = new Set(users.map(({ name }) => name));
  return names.size === users.length && (owners === 1 || (owners === 0 && (users.length === 0 || setup === 'again')));
}

function withNew(users: readonly User[], viewer: User): readonly User[] {
  // The owner's name stays reserved while the box is set up again.
  if ([OWNER_NAME, ...users.map(({ name }) => name)].some((name) => isSameName(name, viewer.name))) {
    throw new PerchError('badInput', `there is a user '${viewer.name}' already`, { isTaken: true });
  }
  if (users.length >= MAX_USERS) {
    throw new PerchError('badInput', `there are ${users.length} users already, at most ${MAX_USERS} are kept`, {
      why: 'limit',
    });
  }
  return [...users, viewer];
}

/** Whether a person loses a right. */
function isLess(before: User, after: User): boolean {
  if (before.role === 'owner' || after.role === 'owner') {
    return false;
  }
  const lost = (['live', 'recordings', 'talk', 'turn', 'switch'] as const).some(
    (right) => before[right] && !after[right],
  );
  const { cameras } = after;
  return (
    lost || (cameras !== 'all' && (before.cameras === 'all' || before.cameras.some((one) => !cameras.includes(one))))
  );
}

const isViewer = (user: User) => user.role === 'viewer';

const copyOf = (cameras: Rights['cameras']): 'all' | string[] => (cameras === 'all' ? cameras : [...new Set(cameras)]);

export const isSameName = (one: string, other: string): boolean =>
  one.normalize('NFKC').toLowerCase() === other.normalize('NFKC').toLowerCase();

const peopleOf = (users: readonly User[]): Map<string, Person> =>
  new Map(
    users.map((user) => [
      user.name,
      user.role === 'owner' ? ownerPerson(user.name) : limitedPerson(user.name, 'viewer', user),
    ]),
  );

function checkName(name: string): void {
  if (name.length > NAME_CHARS || !NAME.test(name) || name.endsWith(' ')) {
    throw new PerchError(
      'badInput',
      `'${name.slice(0, NAME_CHARS)}' is not a user's name: up to ${NAME_CHARS} letters, digits, blanks and . _ @ + -, a letter or digit first`,
    );
  }
}
