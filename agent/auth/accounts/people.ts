import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { PasskeyProof } from '../passkeys/passkey.ts';
import { type DeviceItem, DevicePasswords, type NewDevice } from './device-passwords.ts';
import { type GuestItem, Guests, type NewGuest } from './guests.ts';
import { withdrawClaim } from './local-claim.ts';
import { checkNewPassword } from './new-password.ts';
import { PageLogins } from './page-logins.ts';
import { coversPath, type Rights } from './person.ts';
import { SecondFactor } from './second-factor.ts';
import { SecretKey } from './secret-key.ts';
import { type Device, Sessions } from './sessions.ts';
import { forgetSetup } from './setup-code.ts';
import { isSameName, OWNER_NAME, Users, type ViewerItem } from './users.ts';

/** The client that logs in. */
export interface LoginClient extends Device {
  /** Whether the client is on loopback or a private network, as far as that is reliable. */
  readonly isPrivate: boolean;
  /** Token that proves an earlier login on this device. */
  readonly deviceToken?: string | undefined;
  /** Code of the second factor; empty: none. */
  readonly code?: string;
  /** Passkey instead of a code. */
  readonly passkey?: PasskeyProof | undefined;
}

interface PeopleOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}

type PeopleParts = Pick<People, 'users' | 'sessions' | 'guests' | 'devices' | 'pageLogins' | 'secondFactor' | 'key'>;

/** People and devices with access, and the owner's changes to them. */
export class People {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly guests: Guests;
  readonly devices: DevicePasswords;
  readonly pageLogins: PageLogins;
  /** The owner's second factor. */
  readonly secondFactor: SecondFactor;
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
      secondFactor: await SecondFactor.open(dataDir, key, clock, log),
      key,
    };
    return new People(parts, log);
  }

  private constructor({ users, sessions, guests, devices, pageLogins, secondFactor, key }: PeopleParts, log: Logger) {
    this.users = users;
    this.sessions = sessions;
    this.guests = guests;
    this.devices = devices;
    this.pageLogins = pageLogins;
    this.secondFactor = secondFactor;
    this.key = key;
    this.#log = log;
    sessions.onRevoked((user) => this.#notify(user, true));
    users.onReduced((name) => this.#notify(name, false));
    guests.onRevoked((name) => this.#notify(name, false));
    devices.onRevoked((user) => this.#notifyDevice(user));
  }

  /**
   * Called for each user or guest whose rights shrink: their playback may have to end.
   * `isLoggedOut`: a session was revoked; which playback belongs to it is unknown.
   */
  onRightsReduced(listener: (name: string, isLoggedOut: boolean) => void): void {
    this.#listeners.add(listener);
  }

  /** False: the database is away, and whether a user or guest has access or a session is not known. */
  knows(name: string): boolean {
    return this.users.knows(name) && this.sessions.isCurrent() && this.guests.isCurrent();
  }

  async addUser(viewer: ViewerItem, password: string): Promise<void> {
    this.#needsOwner();
    checkNewPassword(password);
    this.#checkNoDevice(viewer.name);
    await this.users.add(viewer, password);
    this.#log.info({ user: viewer.name }, 'user added');
  }

  /** A new password ends the user's sessions; other rights take effect with the next request. */
  async changeUser(name: string, rights: Partial<Rights>, password?: string): Promise<void> {
    if (password !== undefined) {
      checkNewPassword(password);
    }
    await this.#endsIfBlocked(name, this.users.change(name, rights, password), password !== undefined);
    if (password !== undefined) {
      await this.sessions.endAllOf(name);
    }
    this.#log.info({ user: name }, 'user changed');
    this.#notify(name, false);
  }

  async removeUser(name: string): Promise<void> {
    await this.#endsIfBlocked(name, this.users.remove(name), true);
    await this.sessions.endAllOf(name);
    this.#log.info({ user: name }, 'user removed');
    this.#notify(name, false);
  }

  /** Restores a removed user, who has to log in again. */
  async restoreUser(name: string): Promise<void> {
    this.#checkNoDevice(name);
    await this.users.restore(name);
    this.#log.info({ user: name }, 'removed user restored');
  }

  /** @param token of the session that stays */
  async setPassword(name: string, password: string, token?: string): Promise<void> {
    await this.users.setPassword(name, password);
    await this.sessions.endAllOf(name, token);
  }

  async addGuest(request: NewGuest): Promise<{ readonly item: GuestItem; readonly token: string }> {
    this.#needsOwner();
    const added = await this.guests.add(request);
    this.#log.info({ guest: added.item.id, until: new Date(request.untilMs).toISOString() }, 'guest link created');
    return added;
  }

  async removeGuest(id: string): Promise<boolean> {
    const isRemoved = await this.guests.remove(id);
    if (isRemoved) {
      this.#log.info({ guest: id }, 'guest link revoked');
      this.#notify(`guest:${id}`, false);
    }
    return isRemoved;
  }

  /** New cameras get these paths: who could see former ones there loses them, and links that name one are revoked. */
  async endGrants(paths: readonly string[]): Promise<void> {
    const isNamed = ({ cameras }: Rights) => cameras !== 'all' && cameras.some((path) => coversPath(paths, path));
    for (const { name, cameras } of this.users.viewers.filter(isNamed)) {
      await this.changeUser(name, { cameras: [...cameras].filter((path) => !coversPath(paths, path)) });
    }
    for (const { id } of this.guests.list().filter(isNamed)) {
      await this.removeGuest(id);
    }
  }

  /** @returns the password, which is not shown again */
  async addDevice(request: NewDevice): Promise<{ readonly item: DeviceItem; readonly password: string }> {
    this.#needsOwner();
    const names = () => [OWNER_NAME, ...this.users.viewers.map(({ name }) => name)];
    const added = await this.devices.add(request, (user) => names().some((name) => isSameName(name, user)));
    this.#log.info({ user: added.item.user }, 'device password created');
    return added;
  }

  /** Ends the device's playback and publishing. @returns false if there is no such device password */
  async removeDevice(id: string): Promise<boolean> {
    const removed = await this.devices.remove(id);
    if (removed) {
      this.#log.info({ user: removed.user }, 'device password revoked');
      this.#notifyDevice(removed.user);
    }
    return removed !== undefined;
  }

  /** Called with the user name of each revoked device password. */
  onDeviceRevoked(listener: (user: string) => void): void {
    this.#deviceListeners.add(listener);
  }

  /** The revocation of a person is not saved: nevertheless this server ends their playback, and their sessions if they are to end. */
  async #endsIfBlocked(name: string, saved: Promise<void>, endsSessions: boolean): Promise<void> {
    try {
      await saved;
    } catch (error) {
      if (this.users.isBlocked(name)) {
        if (endsSessions) {
          await this.sessions.endAllOf(name);
        }
        this.#notify(name, false);
      }
      throw error;
    }
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

  #notifyDevice(user: string): void {
    for (const listener of this.#deviceListeners) {
      listener(user);
    }
  }

  #notify(name: string, isLoggedOut: boolean): void {
    for (const listener of this.#listeners) {
      listener(name, isLoggedOut);
    }
  }
}

/**
 * For a forgotten owner password: returns the box to setup, and ends all sessions. No other process may run. The next start creates a
 * new setup code. Viewers, guest links, cameras and recordings stay.
 * @returns false if there is no owner
 */
export async function forgetOwner(dataDir: string): Promise<boolean> {
  const isForgotten = await Users.forgetOwner(dataDir);
  await forgetSetup(dataDir);
  await withdrawClaim(dataDir);
  if (isForgotten) {
    await Sessions.forget(dataDir);
  }
  await SecondFactor.forget(dataDir);
  return isForgotten;
}
