import { isDeepStrictEqual } from 'node:util';
import { type Clock, systemClock } from '../../base/clock.ts';
import { isLoopbackIp } from '../../base/ip-address.ts';
import { type Logger, silentLogger } from '../../base/log.ts';
import type { InternalUser } from '../../config/schema/general.ts';
import type { DeviceLogin } from '../accounts/device-passwords.ts';
import type { Person } from '../accounts/person.ts';
import type { Outcome, ProgramLogin } from '../accounts/program-logins.ts';
import { SlowChecks } from '../passwords/hash-queue.ts';
import type { Explanation, MachineRequest, Machines } from './api-auth.ts';
import { AskedServer, type AskedServerSettings } from './external-auth.ts';
import { InternalUsers } from './internal-users.ts';
import { type TokenSettings, Tokens } from './tokens.ts';

/** MediaMTX's actions, and `admin`: the web UI itself (settings, users, cameras). */
export type Action = 'read' | 'publish' | 'playback' | 'api' | 'metrics' | 'pprof' | 'admin';

/** Who asks, as far as the protocol's server could make sure of it. */
export interface Identity {
  /** Canonical; the client's own where a trusted proxy forwards. */
  readonly ip: string;
  /** A program on this machine, and neither a proxy's request nor one that a foreign web page makes a browser send. */
  readonly isLoopback: boolean;
  /** From a private network, and not through an unknown proxy. Loopback is private. */
  readonly isPrivate: boolean;
  /** A page of another machine may have made a browser of a private network send this. */
  readonly mayBeForged?: boolean;
  readonly user?: string;
  readonly password?: string;
  /** Instead of a password: whether what was sent was made with this one (HTTP Digest). */
  readonly proves?: (password: string) => boolean;
  /** A bearer token that is not a name and password. */
  readonly token?: string;
  /** Whose session's cookie came with the request, or the name of the guest whose link's did. */
  readonly sessionUser?: string;
  /** A program that Perch itself has started, with a command that names the path. */
  readonly isOwnProgram?: boolean;
  /** Absent where nothing but the person matters. */
  readonly request?: RequestFacts;
}

/** What the server of a protocol knows of a request besides. */
export interface RequestFacts {
  /** `rtsp`; empty: none that carries live media. */
  readonly protocol: string;
  /** Of the session or connection, a UUID, where there is one already. */
  readonly id: string | null;
  /** As it was sent, without `?`. */
  readonly query: string;
  readonly userAgent: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** For the log and for `perch explain`. */
  readonly reason: string;
  /** Nothing was offered and a name and password may help: ask for them. */
  readonly challenge: boolean;
  /** Name and password are right, so the request is no guess, even where the permission is missing. */
  readonly isKnown?: boolean;
  /** A token of the query was refused: it waits like any wrong credential. */
  readonly isGuess?: boolean;
  /** Under which name he goes on, where that is not the name that was sent. */
  readonly user?: string;
  /** What the asking person can do about it, where there is something. */
  readonly advice?: string;
}

export interface AccessRules {
  /** Perch's own set-up (no configuration file, or one that begins with `perch: own`), not a file written for MediaMTX. */
  readonly isOwn: boolean;
  /** `authInternalUsers`. A file without the key has MediaMTX's; Perch's own set-up has none. */
  readonly internalUsers: readonly InternalUser[];
  /** `authMethod: http` or `jwt`: decides in place of the internal users. */
  readonly http?: AskedServerSettings;
  readonly jwt?: TokenSettings;
}

/** The part of the accounts that decisions need. */
export interface Owners {
  /** Undefined before the claim. */
  readonly owner: string | undefined;
  verify(user: string, password: string, ip: string): Promise<boolean>;
  /** Counts a name and password. @returns to be called with what came of it @throws PerchError exhausted when too many were wrong */
  attempt?(login: ProgramLogin): (outcome: Outcome) => void;
  /** A user, or a guest whose link holds. */
  person(name: string): Person | undefined;
  /** The device that logs in by this name. */
  device?(user: string): DeviceLogin | undefined;
  /** Whether any device password lets in for this. */
  hasDeviceFor?(action: string, path: string): boolean;
  /** A program has sent a person's name and page password. */
  notePageLogin?(user: string, ip: string, protocol: string): void;
  noteWrongDigest?(ip: string): void;
  wantsBasic?(ip: string): boolean;
}

export interface AuthorityDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * Asked about whoever would be let in to watch or publish, except people of the box with their sessions and programs of its own.
   * @returns why he is kept out, in words for him
   */
  readonly objection?: (action: 'read' | 'publish', path: string, identity: Identity) => Promise<string | undefined>;
}

const NO_OWNER = 'this box has no owner yet: claim it on its page with the setup code, or on the box with perch claim';

const FOR_PEOPLE = 'the page and its settings are for people of this box alone';

/** Who may do what. The one place where it is decided, for every port and protocol. */
export class Authority {
  readonly #accounts: Owners;
  readonly #deps: AuthorityDeps;
  readonly #checks: SlowChecks;
  #rules: AccessRules;
  #machines: Machines;

  constructor(accounts: Owners, rules: AccessRules, deps: AuthorityDeps = { clock: systemClock, log: silentLogger }) {
    this.#accounts = accounts;
    this.#deps = deps;
    this.#checks = new SlowChecks(deps.clock);
    this.#rules = rules;
    this.#machines = this.#machinesOf(rules);
  }

  /** The configuration has changed: holds from the next request on. Nobody is sent away. */
  setRules(rules: AccessRules): void {
    // The keys of tokens stay where nothing about them has changed.
    if (!isDeepStrictEqual(rules, this.#rules)) {
      this.#machines = this.#machinesOf(rules);
      this.#rules = rules;
    }
  }

  /** Keys that tokens are signed with are fetched anew. */
  refresh(): void {
    this.#machines.refresh?.();
  }

  /** Anyone who reaches the ports can watch without a password. */
  get isOpen(): boolean {
    return !this.#rules.isOwn && this.#machines.isOpen;
  }

  /** Users of the file that let nobody in, and why: lines for the log and the page. */
  get warnings(): readonly string[] {
    const { anonymous, warnings } = this.#machines;
    const passedOver = `${anonymous} lets nobody in (perch: own)`;
    return this.#rules.isOwn && anonymous !== undefined ? [passedOver, ...warnings] : warnings;
  }

  async authorize(action: Action, path: string, identity: Identity): Promise<Decision> {
    const { sessionUser } = identity;
    if ((action === 'read' || action === 'publish') && identity.isOwnProgram) {
      return allow('a command of the configuration, which names this path');
    }
    const person = sessionUser === undefined ? undefined : this.#accounts.person(sessionUser);
    if (person?.may(action, path)) {
      return allow(`session of ${person.name} (${person.role})`);
    }
    const decision = await this.#decide(action, path, identity);
    const isWatched = decision.allowed && (action === 'read' || action === 'publish');
    const objection = isWatched ? await this.#deps.objection?.(action, path, identity) : undefined;
    return objection === undefined ? decision : { ...refuse(identity, objection, objection), isKnown: true };
  }

  async #decide(action: Action, path: string, identity: Identity): Promise<Decision> {
    const { owner } = this.#accounts;
    const { isOwn } = this.#rules;
    if (owner === undefined && (isOwn || action === 'admin')) {
      // Wherever it comes from: what a proxy on this machine forwards looks local.
      return refuse(identity, NO_OWNER, NO_OWNER);
    }
    const device = identity.user === undefined ? undefined : this.#accounts.device?.(identity.user);
    // Before anything is counted: 80 random bits cannot be guessed.
    if (device?.isRight(identity)) {
      return byDevice(device, action, path, identity);
    }
    const end = this.#attempt(identity);
    let outcome: Outcome = 'open';
    try {
      const decision = await this.#judge(action, path, identity, device !== undefined);
      outcome = outcomeOf(decision);
      return decision;
    } finally {
      end?.(outcome);
    }
  }

  /** Counts known and unknown names alike, so that the answers do not reveal names. A request without a password is not counted. */
  #attempt({ user = '', password = '', proves, ip }: Identity): ((outcome: Outcome) => void) | undefined {
    const { isOwn, http, jwt } = this.#rules;
    const isDigest = proves !== undefined;
    // With a file for MediaMTX the other server, or the token, is the only one to guess at.
    if ((user === '' && password === '' && !isDigest) || (!isOwn && (http || jwt))) {
      return undefined;
    }
    const given = isDigest ? this.#machines.provenPassword?.(user, proves) : password;
    return this.#accounts.attempt?.({ user, password: given, isDigest, ip });
  }

  /** @param isDevice a device logs in by this name, with another password */
  async #judge(action: Action, path: string, identity: Identity, isDevice: boolean): Promise<Decision> {
    const { isOwn } = this.#rules;
    // The web UI knows sessions only: a browser's dialog for name and password would lead nowhere.
    if (action === 'admin' && !isOwn) {
      const reason = hasCredentials(identity) ? 'the page takes sessions only, no name and password' : undefined;
      const isKnown = await this.#isMachine(identity);
      return { ...refuse(identity, reason, 'log in first'), ...(isKnown ? { isKnown } : {}) };
    }
    // What the box's own people type goes to no other server.
    const isAskedElsewhere = this.#rules.http !== undefined || this.#rules.jwt !== undefined;
    const isPerson = identity.user !== undefined && this.#accounts.person(identity.user) !== undefined;
    const isOwnName = isOwn && (isPerson || isDevice);
    // Before a person's password, which takes long to verify.
    const verdict =
      action === 'admin' || (isAskedElsewhere && isOwnName)
        ? undefined
        : await this.#machines.decide(toMachine(action, path, identity), this.#allowsAnonymous(action, identity));
    if (verdict?.allowed) {
      const { reason, isKnown = false, user } = verdict;
      return { ...allow(reason, isKnown), ...(user === undefined ? {} : { user }) };
    }
    const isMachine = verdict?.isKnown === true && !isPerson;
    const byPassword = isOwn && !isMachine ? await this.#byPassword(action, path, identity) : undefined;
    if (byPassword) {
      return byPassword;
    }
    const kept = action === 'admin' && !isPerson ? FOR_PEOPLE : undefined;
    const { reason = kept, isGuess = false } = verdict ?? {};
    const isKnown = verdict?.isKnown || (action === 'admin' && (await this.#isMachine(identity)));
    return {
      ...refuse(identity, hasCredentials(identity) || isGuess || isKnown ? reason : undefined),
      // Whoever has proved who he is has nothing else to type.
      ...(isKnown ? { isKnown, challenge: false } : {}),
      ...(isGuess ? { isGuess } : {}),
    };
  }

  /**
   * Whether an RTSP client is offered Digest where both methods are on. Clients that are offered it use nothing else, and page
   * passwords cannot answer it: in Perch's own set-up it is offered where somebody can answer, and not to an address that has
   * logged in with a page password.
   */
  offersDigest(action: 'read' | 'publish', path: string, ip: string): boolean {
    const { isOwn, internalUsers } = this.#rules;
    const canAnswer = internalUsers.length > 0 || this.#accounts.hasDeviceFor?.(action, path) === true;
    return !isOwn || (canAnswer && this.#accounts.wantsBasic?.(ip) !== true);
  }

  /** A Digest answer from this address was wrong. */
  noteWrongDigest(ip: string): void {
    this.#accounts.noteWrongDigest?.(ip);
  }

  /** The same in words, for a request whose password is taken for right. Nobody else is asked, and nothing is verified. */
  async explain(action: Action, path: string, identity: Identity): Promise<Explanation> {
    const { owner } = this.#accounts;
    const { isOwn } = this.#rules;
    const { user = '' } = identity;
    const steps: string[] = [];
    const person = this.#accounts.person(user);
    const device = this.#accounts.device?.(user);
    const way = isOwn ? 'with the session of the page, or name and password' : 'with the session of the page alone';
    if (person) {
      const may = person.may(action, path) ? `lets in, ${way}` : `may not ${action}${path && ` ${path}`}`;
      steps.push(`people of this box: ${person.name} (${person.role}) ${may}`);
    } else {
      steps.push(`people of this box: nobody is called '${user}'`);
    }
    if (device) {
      const may = device.may(action, path) ? 'lets in' : `may not ${action}${path && ` ${path}`}`;
      steps.push(`device passwords: ${user} is that of '${device.name}': ${may}`);
    }
    if (person?.may(action, path)) {
      return { allowed: true, steps };
    }
    if (owner === undefined && (isOwn || action === 'admin')) {
      return { allowed: false, steps: [...steps, NO_OWNER] };
    }
    if (action === 'admin') {
      return { allowed: false, steps: [...steps, FOR_PEOPLE] };
    }
    if (device) {
      return { allowed: device.may(action, path), steps };
    }
    const { allowed, steps: more } = await this.#machines.explain(toMachine(action, path, identity), !isOwn);
    return { allowed, steps: [...steps, ...more] };
  }

  /**
   * An address is lent to every page that a browser there shows: what such a page must not have wants credentials that are
   * somebody's. Pictures are for players in any page, figures tell nothing.
   */
  #allowsAnonymous(action: Action, { mayBeForged }: Identity): boolean {
    const isGuarded = mayBeForged === true && (action === 'api' || action === 'pprof');
    return !this.#rules.isOwn && !isGuarded;
  }

  /**
   * Whether name and password, or a token, are a machine's: before the page they open nothing, and are no guess at a person's.
   * Another server is not asked: it knows nothing of the page.
   */
  async #isMachine(identity: Identity): Promise<boolean> {
    if (!hasCredentials(identity) || this.#rules.http !== undefined) {
      return false;
    }
    const { isKnown = false } = await this.#machines.decide(toMachine('admin', '', identity), false);
    return isKnown;
  }

  /** Perch's own set-up: its people, with name and password. */
  async #byPassword(action: Action, path: string, identity: Identity): Promise<Decision | undefined> {
    const { user = '', password = '', proves, ip } = identity;
    // Nothing but the hash of a person's password is known, which proves no Digest.
    if ((user === '' && password === '') || proves !== undefined) {
      return undefined;
    }
    // For known and unknown names alike, so that the time does not reveal names.
    const isRight = await this.#accounts.verify(user, password, ip);
    const person = isRight ? this.#accounts.person(user) : undefined;
    if (!person) {
      return undefined;
    }
    const protocol = action === 'playback' ? action : identity.request?.protocol;
    if (protocol && (action === 'read' || action === 'publish' || action === 'playback')) {
      this.#accounts.notePageLogin?.(user, ip, protocol);
    }
    return person.may(action, path)
      ? allow(`name and password of ${person.name} (${person.role})`, true)
      : { ...refuse(identity, `${person.name} (${person.role}) may not do this`), isKnown: true };
  }

  #machinesOf({ internalUsers, http, jwt }: AccessRules): Machines {
    const { clock, log } = this.#deps;
    if (http) {
      return new AskedServer(http, clock);
    }
    return jwt ? new Tokens(jwt, clock, log) : new InternalUsers(internalUsers, this.#checks);
  }
}

/** Name and password are right. */
function byDevice({ name, may }: DeviceLogin, action: Action, path: string, identity: Identity): Decision {
  return may(action, path)
    ? allow(`device password '${name}'`, true)
    : { ...refuse(identity, `the device '${name}' may not do this`), isKnown: true, challenge: false };
}

const allow = (reason: string, isKnown = false): Decision => ({ allowed: true, reason, challenge: false, isKnown });

/** What lets everybody in says nothing about the password. */
function outcomeOf({ allowed, isKnown }: Decision): Outcome {
  if (isKnown) {
    return 'right';
  }
  return allowed ? 'open' : 'wrong';
}

const hasCredentials = ({ user, password, token }: Identity): boolean => Boolean(user || password || token);

function refuse(identity: Identity, reason?: string, advice?: string): Decision {
  const isSilent = !hasCredentials(identity);
  return {
    allowed: false,
    reason: reason ?? (isSilent ? 'no name and password' : 'wrong name or password'),
    challenge: isSilent && advice === undefined,
    ...(advice === undefined ? {} : { advice }),
  };
}

const NO_FACTS: RequestFacts = { protocol: '', id: null, query: '', userAgent: '' };

const toMachine = (action: Action, path: string, identity: Identity): MachineRequest => ({
  action,
  path,
  ip: identity.ip,
  // An `ips` entry for loopback means programs on this machine, not what a proxy or a web page brings here.
  isIpKnown: identity.isLoopback || !isLoopbackIp(identity.ip),
  user: identity.user ?? '',
  password: identity.password ?? '',
  proves: identity.proves,
  token: identity.token ?? '',
  ...(identity.request ?? NO_FACTS),
});
