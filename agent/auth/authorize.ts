import { isLoopbackIp } from '../base/ip-address.ts';
import type { InternalUser } from '../config/global.ts';
import { InternalUsers } from './internal-users.ts';

/** MediaMTX's actions, and `admin`: the web UI itself (settings, users, cameras). */
export type Action = 'read' | 'publish' | 'playback' | 'api' | 'metrics' | 'admin';

/** Who asks, as far as the protocol's server could make sure of it. */
export interface Identity {
  /** Canonical; the client's own where a trusted proxy forwards. */
  readonly ip: string;
  /** A program on this machine, and neither a proxy's request nor one that a foreign web page makes a browser send. */
  readonly isLoopback: boolean;
  /** From a private network, and not through an unknown proxy. Loopback is private. */
  readonly isPrivate: boolean;
  readonly user?: string;
  readonly password?: string;
  /** Instead of a password: whether what was sent was made with this one (HTTP Digest). */
  readonly proves?: (password: string) => boolean;
  /** A bearer token that is not a name and password. */
  readonly token?: string;
  /** Whose session's cookie came with the request. */
  readonly sessionUser?: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** For the log. */
  readonly reason: string;
  /** Nothing was offered and a name and password may help: ask for them. */
  readonly challenge: boolean;
  /** Name and password are right: nobody is guessing, he may only not do this. */
  readonly isKnown?: boolean;
  /** What the asking person can do about it, where there is something. */
  readonly advice?: string;
}

export interface AccessRules {
  /** Perch's own set-up (no configuration file, or one that begins with `perch: own`), not a file written for MediaMTX. */
  readonly isOwn: boolean;
  /** `authInternalUsers`. A file without the key has MediaMTX's; Perch's own set-up has none. */
  readonly internalUsers: readonly InternalUser[];
}

/** The part of the accounts that decisions need. */
export interface Owners {
  /** Undefined before the claim. */
  readonly owner: string | undefined;
  verify(user: string, password: string, ip: string): Promise<boolean>;
}

const NO_OWNER = 'this box has no owner yet: open its page in a browser and set a password';

/** Who may do what. The one place where it is decided, for every port and protocol. */
export class Authority {
  readonly #accounts: Owners;
  #rules: AccessRules;
  #users: InternalUsers;

  constructor(accounts: Owners, rules: AccessRules) {
    this.#accounts = accounts;
    this.#rules = rules;
    this.#users = new InternalUsers(rules.internalUsers);
  }

  /** The configuration has changed: holds from the next request on. */
  setRules(rules: AccessRules): void {
    this.#users = new InternalUsers(rules.internalUsers);
    this.#rules = rules;
  }

  /** Anyone who reaches the ports can watch without a password. */
  get isOpen(): boolean {
    return !this.#rules.isOwn && this.#users.isOpen;
  }

  /** Users of the file that let nobody in, and why: lines for the log and the page. */
  get warnings(): readonly string[] {
    const count = this.#rules.isOwn ? this.#users.anonymousCount : 0;
    const passedOver = `authInternalUsers: ${count} without a password let nobody in (perch: own)`;
    return count > 0 ? [passedOver, ...this.#users.problems] : this.#users.problems;
  }

  async authorize(action: Action, path: string, identity: Identity): Promise<Decision> {
    const { owner } = this.#accounts;
    if (owner !== undefined && identity.sessionUser === owner) {
      return allow("the owner's session");
    }
    const isOnlyLoopback = owner === undefined && (this.#rules.isOwn || action === 'admin');
    if (isOnlyLoopback) {
      return identity.isLoopback ? allow('loopback before the claim') : refuse(identity, NO_OWNER, NO_OWNER);
    }
    if (this.#rules.isOwn) {
      return this.#authorizeOwn(action, path, identity);
    }
    const isAllowed = action !== 'admin' && this.#users.allows(toInternal(action, path, identity), true);
    if (isAllowed) {
      return allow('authInternalUsers');
    }
    // The web UI knows sessions only: a browser's dialog for name and password would lead nowhere.
    return action === 'admin' ? refuse(identity, 'log in first', 'log in first') : this.#refuse(action, path, identity);
  }

  /** Perch's own set-up after the claim: the owner, or a user of the file with a password. */
  async #authorizeOwn(action: Action, path: string, identity: Identity): Promise<Decision> {
    const { user = '', password = '', proves } = identity;
    // Before the owner's password, which takes long to verify. Users of the file never get the web UI.
    if (action !== 'admin' && this.#users.allows(toInternal(action, path, identity), false)) {
      return allow('authInternalUsers');
    }
    // Nothing but the hash of the owner's password is known, which proves no Digest.
    const isOwner = user !== '' && user === this.#accounts.owner && proves === undefined;
    if (isOwner && (await this.#accounts.verify(user, password, identity.ip))) {
      return allow("the owner's name and password");
    }
    return this.#refuse(action, path, identity);
  }

  #refuse(action: Action, path: string, identity: Identity): Decision {
    const isKnown = this.#users.knows(toInternal(action, path, identity));
    return isKnown ? { ...refuse(identity, 'not permitted'), isKnown } : refuse(identity);
  }
}

const allow = (reason: string): Decision => ({ allowed: true, reason, challenge: false });

function refuse({ user, password, token }: Identity, reason?: string, advice?: string): Decision {
  const hasCredentials = Boolean(user) || Boolean(password) || Boolean(token);
  return {
    allowed: false,
    reason: reason ?? (hasCredentials ? 'wrong name or password' : 'no name and password'),
    challenge: !hasCredentials && advice === undefined,
    ...(advice === undefined ? {} : { advice }),
  };
}

/** An `ips` entry for loopback means programs on this machine, not what a proxy or a web page brings here. */
const toInternal = (action: Action, path: string, identity: Identity) => ({
  action,
  path,
  ip: isLoopbackIp(identity.ip) && !identity.isLoopback ? undefined : identity.ip,
  user: identity.user ?? '',
  password: identity.password ?? '',
  proves: identity.proves,
});
