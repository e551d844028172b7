import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type DeviceItem, DevicePasswords, type NewDevice } from './device-passwords.ts';
import { type GuestItem, Guests, type NewGuest } from './guests.ts';
import { withdrawClaim } from './local-claim.ts';
import { checkNewPassword } from './new-password.ts';
import { PageLogins } from './page-logins.ts';
import type { Rights } from './person.ts';
import { SecretKey } from './secret-key.ts';
import { type Device, type SessionItem, Sessions } from './sessions.ts';
import { forgetSetup } from './setup-code.ts';
import { isSameName, OWNER_NAME, Users, type ViewerItem } from './users.ts';

/** Whoever asks to come in. */
export interface Asker extends Device {
  /** From loopback or a private network, as far as it can be trusted. */
  readonly isPrivate: boolean;
  /** What shows that somebody was logged in on this device before. */
  readonly deviceToken?: string | undefined;
}

export interface PeopleOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}

type PeopleParts = Pick<People, 'users' | 'sessions' | 'guests' | 'devices' | 'pageLogins' | 'key'>;

/** Everybody whom the owner has let in, and what he changes about it. */
export class People {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly guests: Guests;
  readonly devices: DevicePasswords;
  readonly pageLogins: PageLogins;
  readonly key: SecretKey;
  readonly #log: Logger;
  readonly #listeners = new Set<(name: string, isLoggedOut: boolean) => void>();
  readonly #deviceListeners = new Set<(user: string) => void>();

  static async open({ dataDir, clock, log }: PeopleOptions): Promise<People> {
    const key = await SecretKey.open(dataDir, log);
    const parts = {
      users: await Users.open(dataDir, log),
      sessions: await Sessions.open(dataDir, key, clock, log),
      guests: await Guests.open(dataDir, key, clock, log),
      devices: await DevicePasswords.open(dataDir, key, clock, log),
      pageLogins: await PageLogins.open(dataDir, clock, log),
      key,
    };
    return new People(parts, log);
  }

  private constructor({ users, sessions, guests, devices, pageLogins, key }: PeopleParts, log: Logger) {
    this.users = users;
    this.sessions = sessions;
    this.guests = guests;
    this.devices = devices;
    this.pageLogins = pageLogins;
    this.key = key;
    this.#log = log;
    sessions.onTakenAway((user) => this.#tell(user, true));
  }

  /**
   * Told of each user or guest who may do less from now on than before: what he is watching may have to end.
   * `isLoggedOut`: a session was taken from him; which of his pictures are that device's is not known.
   */
  onLess(listener: (name: string, isLoggedOut: boolean) => void): void {
    this.#listeners.add(listener);
  }

  async addUser(viewer: ViewerItem, password: string): Promise<void> {
    this.#needsOwner();
    checkNewPassword(password);
    this.#checkNoDevice(viewer.name);
    await this.users.add(viewer, password);
    this.#log.info({ user: viewer.name }, 'user added');
  }

  /** A new password ends the user's sessions; other rights hold from the next request on. */
  async changeUser(name: string, rights: Partial<Rights>, password?: string): Promise<void> {
    if (password !== undefined) {
      checkNewPassword(password);
    }
    await this.users.change(name, rights, password);
    if (password !== undefined) {
      await this.sessions.endAllOf(name);
    }
    this.#log.info({ user: name }, 'user changed');
    this.#tell(name, false);
  }

  async removeUser(name: string): Promise<void> {
    await this.users.remove(name);
    await this.sessions.endAllOf(name);
    this.#log.info({ user: name }, 'user removed');
    this.#tell(name, false);
  }

  /** He logs in anew: his sessions are over. */
  async restoreUser(name: string): Promise<void> {
    this.#checkNoDevice(name);
    await this.users.restore(name);
    this.#log.info({ user: name }, 'removed user is back');
  }

  /** @param token of the session that stays */
  async setPassword(name: string, password: string, token?: string): Promise<void> {
    await this.users.setPassword(name, password);
    await this.sessions.endAllOf(name, token);
  }

  async endSession(id: string, user: string | undefined): Promise<boolean> {
    return this.sessions.endById(id, user);
  }

  listSessions(user: string | undefined): readonly SessionItem[] {
    return this.sessions.list(user);
  }

  async addGuest(wish: NewGuest): Promise<{ readonly item: GuestItem; readonly token: string }> {
    this.#needsOwner();
    const added = await this.guests.add(wish);
    this.#log.info({ guest: added.item.id, until: new Date(wish.untilMs).toISOString() }, 'link to guests made');
    return added;
  }

  async removeGuest(id: string): Promise<boolean> {
    const isRemoved = await this.guests.remove(id);
    if (isRemoved) {
      this.#log.info({ guest: id }, 'link to guests taken back');
      this.#tell(`guest:${id}`, false);
    }
    return isRemoved;
  }

  /** @returns the password, which is not shown again */
  async addDevice(wish: NewDevice): Promise<{ readonly item: DeviceItem; readonly password: string }> {
    this.#needsOwner();
    const names = () => [OWNER_NAME, ...this.users.viewers.map(({ name }) => name)];
    const added = await this.devices.add(wish, (user) => names().some((name) => isSameName(name, user)));
    this.#log.info({ user: added.item.user }, 'device password created');
    return added;
  }

  /** What the device plays or publishes ends. @returns false when there is no such device password */
  async removeDevice(id: string): Promise<boolean> {
    const removed = await this.devices.remove(id);
    if (removed) {
      this.#log.info({ user: removed.user }, 'device password revoked');
      for (const listener of this.#deviceListeners) {
        listener(removed.user);
      }
    }
    return removed !== undefined;
  }

  /** Called with the login of each device whose password was revoked. */
  onDeviceRevoked(listener: (user: string) => void): void {
    this.#deviceListeners.add(listener);
  }

  #checkNoDevice(name: string): void {
    if (this.devices.list().some(({ user }) => isSameName(user, name))) {
      throw new PerchError('badInput', `a device logs in as '${name}' already`, { isTaken: true });
    }
  }

  #needsOwner(): void {
    if (this.users.owner === undefined) {
      throw new PerchError('badInput', 'this box has no owner yet: set a password first');
    }
  }

  #tell(name: string, isLoggedOut: boolean): void {
    for (const listener of this.#listeners) {
      listener(name, isLoggedOut);
    }
  }
}

/**
 * For whoever has the box in his hands and has forgotten the owner's password: it is set up again, and nobody is logged in.
 * Nobody else may run meanwhile. The next start makes another setup code. Viewers, links to guests, cameras and recordings stay.
 *
 * @returns false when there is no owner
 */
export async function forgetOwner(dataDir: string): Promise<boolean> {
  const isForgotten = await Users.forgetOwner(dataDir);
  await forgetSetup(dataDir);
  await withdrawClaim(dataDir);
  if (isForgotten) {
    await rm(join(dataDir, 'sessions.json'), { force: true });
  }
  return isForgotten;
}
