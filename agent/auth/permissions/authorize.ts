import { isDeepStrictEqual } from 'node:util';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { PerchError } from '../../base/errors.ts';
import { type Logger, silentLogger } from '../../base/log.ts';
import type { InternalUser } from '../../config/schema/common/general.ts';
import type { DeviceLogin } from '../accounts/device-passwords.ts';
import type { Person } from '../accounts/person.ts';
import type { Outcome, ProgramLogin } from '../accounts/program-logins.ts';
import { type PairedServer, userOfServer } from '../pairing/paired-servers.ts';
import { HashQueue } from '../passwords/hash-queue.ts';
import type { ApiAuth, Explanation } from './api-auth.ts';
import { ExternalAuth, type ExternalAuthSettings } from './external-auth.ts';
import { type Action, hasCredentials, type Identity, mayBePagePassword, toAuthRequest } from './identity.ts';
import { InternalUsers } from './internal-users.ts';
import { type TokenSettings, Tokens } from './tokens.ts';

interface Decision {
  readonly allowed: boolean;
  /** For the log and for `perch explain`. */
  readonly reason: string;
  /** No credentials were sent, and a name and password may help. */
  readonly challenge: boolean;
  /** Name and password are right, so the request is not a guess, even if the permission is missing. */
  readonly isKnown?: boolean;
  /** A token in the query was rejected, which counts as a wrong credential. */
  readonly isGuess?: boolean;
  /** Name of the session, if it differs from the name that was sent. */
  readonly user?: string;
  /** What the requester can do about it. */
  readonly advice?: string;
  /** Why the people are not known at present. Callers throw it instead of refusing the request. */
  readonly unknown?: PerchError;
}

export interface AccessRules {
  /** Perch's own setup (no configuration file, or one that begins with `perch: own`), not a MediaMTX file. */
  readonly isOwn: boolean;
  /** `authInternalUsers`. A file without the key has MediaMTX's default; Perch's own setup has none. */
  readonly internalUsers: readonly InternalUser[];
  /** `authMethod: http` or `jwt`: decides instead of the internal users. */
  readonly http?: ExternalAuthSettings;
  readonly jwt?: TokenSettings;
}

/** The accounts as needed for decisions. */
export interface Owners {
  /** Undefined before the claim. */
  readonly owner: string | undefined;
  /** Why the people are not known at present, so that a right password is refused, too. */
  readonly unknown?: PerchError | undefined;
  verify(user: string, password: string, ip: string): Promise<boolean>;
  /** Counts a name and password. @returns call with the outcome @throws PerchError exhausted after too many wrong ones */
  attempt?(login: ProgramLogin): (outcome: Outcome) => void;
  /** A user, or a guest with a valid link. */
  person(name: string): Person | undefined;
  device?(user: string): DeviceLogin | undefined;
  /** Whether any device password permits this. */
  hasDeviceFor?(action: string, path: string): boolean;
  /** A program has sent a person's name and page password. */
  notePageLogin?(user: string, ip: string, protocol: string): void;
  noteWrongDigest?(ip: string): void;
  /** The user needs more than a password. */
  hasSecondFactor?(user: string): boolean;
  wantsBasic?(ip: string, protocol: string): boolean;
}

interface AuthorityDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * A last check before playback or publishing, except for sessions of people and for own programs.
   * @returns why it is rejected, for the requester
   */
  readonly objection?: (action: 'read' | 'publish', path: string, identity: Identity) => Promise<string | undefined>;
  readonly servers?: { find(id: string): PairedServer | undefined };
}

const NO_OWNER = 'this box has no owner yet: claim it on its page with the setup code, or on the box with perch claim';

const NEEDS_FACTOR =
  'this user has a second factor, so the password alone opens nothing: use a device password, a user of the configuration file or a token';

const NO_PAGE_PASSWORD = 'a password of the page, which only HTTP and RTSP take: use a device password';

const FOR_PEOPLE = 'the page and its settings are only for users of this box';

/** Decides on access, for every port and protocol. */
export class Authority {
  readonly #accounts: Owners;
  readonly #deps: AuthorityDeps;
  readonly #checks: HashQueue;
  #rules: AccessRules;
  #apiAuth: ApiAuth;

  constructor(accounts: Owners, rules: AccessRules, deps: AuthorityDeps = { clock: systemClock, log: silentLogger }) {
    this.#accounts = accounts;
    this.#deps = deps;
    this.#checks = new HashQueue(deps.clock);
    this.#rules = rules;
    this.#apiAuth = this.#apiAuthOf(rules);
  }

  /** Takes effect with the next request; running sessions stay. */
  setRules(rules: AccessRules): void {
    // Unchanged rules keep the cached keys of tokens.
    if (!isDeepStrictEqual(rules, this.#rules)) {
      this.#apiAuth = this.#apiAuthOf(rules);
      this.#rules = rules;
    }
  }

  /** Fetches the keys of tokens again. */
  refresh(): void {
    this.#apiAuth.refresh?.();
  }

  /** Watching needs no password. */
  get isOpen(): boolean {
    return !this.#rules.isOwn && this.#apiAuth.isOpen;
  }

  /** Entries of the file that can never match, and why: lines for the log and the page. */
  get warnings(): readonly string[] {
    const { anonymous, warnings } = this.#apiAuth;
    const ignored = `${anonymous} has no effect (perch: own)`;
    return this.#rules.isOwn && anonymous !== undefined ? [ignored, ...warnings] : warnings;
  }

  async authorize(action: Action, path: string, identity: Identity): Promise<Decision> {
    const { sessionUser, server } = identity;
    if (server !== undefined) {
      return byServer(server, this.#deps.servers?.find(server), action, path, identity);
    }
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
      // Regardless of the address: requests through a local proxy look local.
      return refuse(identity, NO_OWNER, NO_OWNER);
    }
    const device = identity.user === undefined ? undefined : this.#accounts.device?.(identity.user);
    // Not counted: 80 random bits cannot be guessed.
    if (device?.isRight(identity)) {
      return byDevice(device, action, path, identity);
    }
    const end = this.#attempt(identity);
    let outcome: Outcome = 'open';
    try {
      const decision = await this.#judge(action, path, identity, device !== undefined);
      const unknown = this.#whyUnknown(decision, action, identity);
      if (unknown) {
        return { ...decision, reason: unknown.message, challenge: false, unknown };
      }
      outcome = outcomeOf(decision);
      return decision;
    } finally {
      end?.(outcome);
    }
  }

  /** Why a refused request might be a person's. Logins that no person can have stay wrong ones, and are counted. */
  #whyUnknown({ allowed, isKnown = false, isGuess = false }: Decision, action: Action, identity: Identity) {
    const { unknown } = this.#accounts;
    const { isOwn, internalUsers, http, jwt } = this.#rules;
    const { user, password, proves, token, hasCookie = false } = identity;
    if (!unknown || allowed || isKnown) {
      return undefined;
    }
    if (user || password || proves) {
      return isOwn ? unknown : undefined;
    }
    if (token || isGuess) {
      return undefined;
    }
    // Without a login: one of the configuration can still answer a challenge.
    const isForPeople = hasCookie || action === 'admin' || (isOwn && internalUsers.length === 0 && !http && !jwt);
    return isForPeople ? unknown : undefined;
  }

  /** Counts known and unknown names alike, so that names are not revealed. A request without a password is not counted. */
  #attempt({ user = '', password = '', proves, ip }: Identity): ((outcome: Outcome) => void) | undefined {
    const { isOwn, http, jwt } = this.#rules;
    const isDigest = proves !== undefined;
    // With a MediaMTX file only the other server, or the token, can be guessed at.
    if ((user === '' && password === '' && !isDigest) || (!isOwn && (http || jwt))) {
      return undefined;
    }
    const given = isDigest ? this.#apiAuth.provenPassword?.(user, proves) : password;
    return this.#accounts.attempt?.({ user, password: given, isDigest, ip });
  }

  /** @param isDevice a device has this user name, and another password */
  async #judge(action: Action, path: string, identity: Identity, isDevice: boolean): Promise<Decision> {
    const { isOwn } = this.#rules;
    // The web UI accepts only sessions, so a browser's password dialog would be useless.
    if (action === 'admin' && !isOwn) {
      const reason = hasCredentials(identity) ? 'the page accepts only sessions, no name and password' : undefined;
      const isKnown = await this.#isApiClient(identity);
      return { ...refuse(identity, reason, 'log in first'), ...(isKnown ? { isKnown } : {}) };
    }
    // Passwords of this box's people are not sent to another server.
    const isAskedElsewhere = this.#rules.http !== undefined || this.#rules.jwt !== undefined;
    const isPerson = identity.user !== undefined && this.#accounts.person(identity.user) !== undefined;
    const isOwnName = isOwn && (isPerson || isDevice);
    // Before a person's password, which is slow to verify.
    const verdict =
      action === 'admin' || (isAskedElsewhere && isOwnName)
        ? undefined
        : await this.#apiAuth.decide(toAuthRequest(action, path, identity), this.#allowsAnonymous(action, identity));
    if (verdict?.allowed) {
      const { reason, isKnown = false, user } = verdict;
      return { ...allow(reason, isKnown), ...(user === undefined ? {} : { user }) };
    }
    const isApiClient = verdict?.isKnown === true && !isPerson;
    const byPassword = isOwn && !isApiClient ? await this.#byPassword(action, path, identity) : undefined;
    if (byPassword) {
      return byPassword;
    }
    const kept = action === 'admin' && !isPerson ? FOR_PEOPLE : undefined;
    const { reason = kept, isGuess = false } = verdict ?? {};
    const isKnown = verdict?.isKnown || (action === 'admin' && (await this.#isApiClient(identity)));
    return {
      ...refuse(identity, hasCredentials(identity) || isGuess || isKnown ? reason : undefined),
      // A known client needs no password dialog.
      ...(isKnown ? { isKnown, challenge: false } : {}),
      ...(isGuess ? { isGuess } : {}),
    };
  }

  /**
   * Whether a protocol offers Digest as well as Basic. Clients prefer Digest, and page passwords cannot answer it: Perch's own setup offers it if
   * a password can answer, and not to an address that has logged in with a page password.
   */
  offersDigest(action: 'read' | 'publish' | 'playback', path: string, ip: string, protocol: string): boolean {
    const { isOwn, internalUsers } = this.#rules;
    const canAnswer = internalUsers.length > 0 || this.#accounts.hasDeviceFor?.(action, path) === true;
    return !isOwn || (canAnswer && this.#accounts.wantsBasic?.(ip, protocol) !== true);
  }

  noteWrongDigest(ip: string): void {
    this.#accounts.noteWrongDigest?.(ip);
  }

  /** Explains the decision in words, assuming that the password is right. Contacts no other server. */
  async explain(action: Action, path: string, identity: Identity): Promise<Explanation> {
    const { owner } = this.#accounts;
    const { isOwn } = this.#rules;
    const { user = '' } = identity;
    const steps: string[] = [];
    const person = this.#accounts.person(user);
    const device = this.#accounts.device?.(user);
    const takesPassword = isOwn && this.#accounts.hasSecondFactor?.(user) !== true;
    const isLive = action === 'read' || action === 'publish';
    const how = takesPassword
      ? `with the session of the page, or name and password${isLive ? ' (not over RTMP and SRT)' : ''}`
      : 'with the session of the page only';
    if (person) {
      const may = person.may(action, path) ? `permitted, ${how}` : `may not ${action}${path && ` ${path}`}`;
      steps.push(`users of this box: ${person.name} (${person.role}) ${may}`);
    } else {
      steps.push(`users of this box: no user '${user}'`);
    }
    if (device) {
      const may = device.may(action, path) ? 'permitted' : `may not ${action}${path && ` ${path}`}`;
      steps.push(`device passwords: ${user} belongs to '${device.name}': ${may}`);
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
    const { allowed, steps: more } = await this.#apiAuth.explain(toAuthRequest(action, path, identity), !isOwn);
    return { allowed, steps: [...steps, ...more] };
  }

  /**
   * A page in any browser can use that browser's address: sensitive actions need real credentials there. Video is for players in any page,
   * and metrics reveal nothing.
   */
  #allowsAnonymous(action: Action, { mayBeForged }: Identity): boolean {
    const isGuarded = mayBeForged === true && (action === 'api' || action === 'pprof');
    return !this.#rules.isOwn && !isGuarded;
  }

  /** Whether the credentials belong to an API client: they do not open the page, and are not a guess. Another server is not contacted. */
  async #isApiClient(identity: Identity): Promise<boolean> {
    if (!hasCredentials(identity) || this.#rules.http !== undefined) {
      return false;
    }
    const { isKnown = false } = await this.#apiAuth.decide(toAuthRequest('admin', '', identity), false);
    return isKnown;
  }

  /** People of Perch's own setup, by name and password. */
  async #byPassword(action: Action, path: string, identity: Identity): Promise<Decision | undefined> {
    const { user = '', password = '', proves, ip } = identity;
    // Only the hash of a person's password is known, which proves no Digest.
    if ((user === '' && password === '') || proves !== undefined) {
      return undefined;
    }
    // For known and unknown names alike, so that the time does not reveal names.
    const isRight = await this.#accounts.verify(user, password, ip);
    const person = isRight ? this.#accounts.person(user) : undefined;
    if (!person) {
      return undefined;
    }
    if (!mayBePagePassword(identity)) {
      // Verified all the same: a right password is not a guess.
      return { ...refuse(identity, NO_PAGE_PASSWORD), isKnown: true };
    }
    if (this.#accounts.hasSecondFactor?.(user)) {
      return { ...refuse(identity, NEEDS_FACTOR, NEEDS_FACTOR), isKnown: true, challenge: false };
    }
    const protocol = action === 'playback' ? action : identity.request?.protocol;
    if (protocol && (action === 'read' || action === 'publish' || action === 'playback')) {
      this.#accounts.notePageLogin?.(user, ip, protocol);
    }
    return person.may(action, path)
      ? allow(`name and password of ${person.name} (${person.role})`, true)
      : { ...refuse(identity, `${person.name} (${person.role}) may not do this`), isKnown: true };
  }

  #apiAuthOf({ internalUsers, http, jwt }: AccessRules): ApiAuth {
    const { clock, log } = this.#deps;
    if (http) {
      return new ExternalAuth(http, clock);
    }
    return jwt ? new Tokens(jwt, clock, log) : new InternalUsers(internalUsers, this.#checks);
  }
}

function byDevice({ name, may }: DeviceLogin, action: Action, path: string, identity: Identity): Decision {
  return may(action, path)
    ? allow(`device password '${name}'`, true)
    : { ...refuse(identity, `the device '${name}' may not do this`), isKnown: true, challenge: false };
}

/** A paired server may watch its cameras and play their recordings, whatever is open to others. Routes check its other rights. */
function byServer(
  id: string,
  server: PairedServer | undefined,
  action: Action,
  path: string,
  identity: Identity,
): Decision {
  if (server?.may(action, path)) {
    return { ...allow(`paired server '${server.name}'`, true), user: userOfServer(id) };
  }
  const doing = action === 'playback' ? 'play recordings of' : action === 'read' ? 'watch' : action;
  const reason = server ? `the paired server '${server.name}' may not ${doing} ${path}` : 'the pairing was revoked';
  return { ...refuse(identity, reason, reason), isKnown: true, challenge: false };
}

const allow = (reason: string, isKnown = false): Decision => ({ allowed: true, reason, challenge: false, isKnown });

/** Access for anyone proves nothing about the password. */
function outcomeOf({ allowed, isKnown }: Decision): Outcome {
  if (isKnown) {
    return 'right';
  }
  return allowed ? 'open' : 'wrong';
}

function refuse(identity: Identity, reason?: string, advice?: string): Decision {
  const isSilent = !hasCredentials(identity);
  return {
    allowed: false,
    reason: reason ?? (isSilent ? 'no name and password' : 'wrong name or password'),
    challenge: isSilent && advice === undefined,
    ...(advice === undefined ? {} : { advice }),
  };
}
