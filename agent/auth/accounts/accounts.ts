import { createHmac, randomBytes } from 'node:crypto';
import type { TellBox } from '../../base/box-events.ts';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { subscriberOf } from '../../base/ip-address.ts';
import type { Logger } from '../../base/log.ts';
import type { PasswordHash } from '../passwords/password-hash.ts';
import { LogInLimits } from '../throttle/login-limits.ts';
import type { DeviceLogin } from './device-passwords.ts';
import { KnownDevices } from './known-devices.ts';
import { findClaim, withdrawClaim } from './local-claim.ts';
import { checkNewPassword } from './new-password.ts';
import { type Asker, People } from './people.ts';
import type { Person } from './person.ts';
import { type Outcome, type ProgramLogin, ProgramLogins } from './program-logins.ts';
import { isSetupCode, SetupCode, type SetupFacts } from './setup-code.ts';

/** A player sends its name and password with each request: a verified pair is not hashed again for this long. */
const REMEMBER_MS = 10 * 60_000;
const REMEMBER_LIMIT = 64;
/** How often the data folder of a box without owner is searched for a local claim. */
const LOCAL_CLAIM_MS = 500;
const REMIND_MS = 86_400_000;

const WHERE = 'the terminal or screen of the box shows it, and on the box itself perch claim needs none';

export interface AccountsOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of who comes in and who is refused. */
  readonly tell?: TellBox;
  /** Whether the box can be claimed over HTTP: not with a file for MediaMTX, which says who may what. */
  readonly isClaimable?: () => boolean;
}

/** How people come in: the claim, log-in and log-out, and name and password with each request for players. */
export class Accounts {
  readonly people: People;
  readonly #dataDir: string;
  readonly #setup: SetupCode;
  readonly #isClaimable: () => boolean;
  readonly #setupLimits: LogInLimits;
  readonly #limits: LogInLimits;
  readonly #programs: ProgramLogins;
  readonly #devices: KnownDevices;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #tell: TellBox;
  readonly #remembered = new Map<string, { readonly untilMs: number; readonly isRight: Promise<boolean> }>();
  readonly #rememberKey = randomBytes(32);
  #isTaking = false;

  static async open(options: AccountsOptions): Promise<Accounts> {
    const people = await People.open(options);
    const setup = await SetupCode.open(options.dataDir, people.users.owner !== undefined, options.log);
    const accounts = new Accounts(people, setup, options);
    await accounts.#takeLocalClaim();
    return accounts;
  }

  private constructor(people: People, setup: SetupCode, options: AccountsOptions) {
    const { dataDir, clock, log, tell = () => {}, isClaimable = () => true } = options;
    this.people = people;
    this.#dataDir = dataDir;
    this.#setup = setup;
    this.#isClaimable = isClaimable;
    this.#setupLimits = new LogInLimits(clock);
    this.#limits = new LogInLimits(clock);
    this.#programs = new ProgramLogins(clock, this.#limits);
    this.#devices = new KnownDevices(people.key, people.users);
    this.#clock = clock;
    this.#log = log;
    this.#tell = tell;
  }

  /** The owner's name; undefined before the claim. */
  get owner(): string | undefined {
    return this.people.users.owner;
  }

  /** For the terminal and the screen, never for the log; undefined where nothing over HTTP claims the box. */
  get setup(): SetupFacts | undefined {
    return this.mayClaim ? this.#setup.facts : undefined;
  }

  /** Where people find the page: `perch claim --link` makes a link of it. */
  async setUrl(url: string): Promise<void> {
    if (this.mayClaim) {
      await this.#setup.setUrl(url);
    }
  }

  /** The setup code claims the box. */
  get mayClaim(): boolean {
    return this.owner === undefined && this.#isClaimable();
  }

  /** Takes the claim of `perch claim`, and reminds the log of an owner who is missing. @returns what ends it */
  awaitOwner(): () => void {
    if (this.owner !== undefined) {
      return () => {};
    }
    const remind = () => this.#log.warn('this box has no owner yet: perch claim sets the password');
    remind();
    const stops = [
      this.#clock.every(REMIND_MS, remind),
      this.#clock.every(LOCAL_CLAIM_MS, () => void this.#takeLocalClaim().then(stopIfOwned)),
    ];
    const stop = () => {
      for (const end of stops) {
        end();
      }
    };
    const stopIfOwned = () => this.owner !== undefined && stop();
    return stop;
  }

  /** A user or a guest whose link holds, by name. */
  person(name: string): Person | undefined {
    return this.people.users.person(name) ?? this.people.guests.person(name);
  }

  /** The device that logs in by this name. */
  device(user: string): DeviceLogin | undefined {
    return this.people.devices.find(user);
  }

  /** Whether any device password lets in for this. */
  hasDeviceFor(action: string, path: string): boolean {
    return this.people.devices.anyMay(action, path);
  }

  /** A program has sent a person's name and page password. */
  notePageLogin(user: string, ip: string, protocol: string): void {
    this.people.pageLogins.note(user, ip, protocol);
  }

  /** A Digest answer was wrong. */
  noteWrongDigest(ip: string): void {
    this.people.pageLogins.digestFailed(ip);
  }

  /** Whether RTSP clients at this address cannot use Digest, because they have a page password. */
  wantsBasic(ip: string): boolean {
    return this.people.pageLogins.wantsBasic(ip);
  }

  /** Who comes with this link's token. */
  guest(token: string): Person | undefined {
    return this.people.guests.find(token);
  }

  /** The user of a session's token. Counts as a use. */
  sessionUser(token: string): string | undefined {
    const user = this.people.sessions.find(token);
    return user !== undefined && this.people.users.person(user) ? user : undefined;
  }

  /** Sets the owner's password, once. Gives a session's token. */
  async claim(password: string, setupCode: string | undefined, asker: Asker): Promise<string> {
    this.checkSetUp(setupCode, asker);
    checkNewPassword(password);
    await this.#setOwner(password, asker.ip);
    return this.people.sessions.create(this.owner ?? '', asker);
  }

  /** Who may claim or restore the box over HTTP. @throws PerchError without the setup code, and when the box has an owner */
  checkSetUp(setupCode: string | undefined, { ip, isPrivate }: Pick<Asker, 'ip' | 'isPrivate'>): void {
    const { facts } = this.#setup;
    if (this.owner !== undefined || !facts) {
      throw new PerchError('badInput', 'this box has an owner already: log in');
    }
    if (!this.#isClaimable()) {
      const why = 'its configuration does not begin with perch: own';
      throw new PerchError('unauthorized', `this box is claimed on the machine itself (perch claim): ${why}`);
    }
    if (setupCode === undefined || setupCode === '') {
      throw new PerchError('badInput', `the setup code is needed: ${WHERE}`);
    }
    const wasRight = this.#setupLimits.take({ ip, isPrivate, account: undefined, isKnownAddress: false });
    if (!isSetupCode(setupCode, facts.code)) {
      this.#log.warn({ ip }, 'wrong setup code');
      throw new PerchError('unauthorized', `wrong setup code: ${WHERE}`);
    }
    wasRight();
  }

  /** @param password or its hash. @param ip undefined: on the machine itself */
  async #setOwner(password: string | PasswordHash, ip?: string): Promise<void> {
    const { users, sessions } = this.people;
    await users.setOwner(password);
    // Of an owner before, whose users.json was removed.
    await sessions.forgetAll();
    await this.#setup.remove();
    this.#log.info({ ip: ip ?? 'this machine' }, 'the owner has set a password');
    this.#tell('login', { state: 'claimed', user: users.owner, address: ip });
  }

  /** `perch claim` waits until the claim has gone, and looks then whose password is there. */
  async #takeLocalClaim(): Promise<void> {
    if (this.#isTaking) {
      return;
    }
    this.#isTaking = true;
    try {
      const hash = await findClaim(this.#dataDir, this.#log);
      if (hash && this.owner === undefined) {
        await this.#setOwner(hash);
      }
    } catch (error) {
      this.#log.error({ cause: explain(error) }, 'the password of perch claim cannot be saved');
    }
    await withdrawClaim(this.#dataDir).catch((error: unknown) =>
      this.#log.error({ cause: explain(error) }, 'the local claim cannot be removed'),
    );
    this.#isTaking = false;
  }

  /** Gives a new session's token; `oldToken`, if any, is over: a token from before the log-in is never worth more after it. */
  async logIn(user: string, password: string, asker: Asker, oldToken?: string): Promise<string> {
    const { sessions } = this.people;
    const { ip } = asker;
    if (this.owner === undefined) {
      throw new PerchError('badInput', 'this box has no owner yet: set a password first');
    }
    if (!(await this.#verify(user, password, asker))) {
      this.#log.warn({ user, ip }, 'log-in refused');
      this.#tell('login', { state: 'refused', user, address: ip });
      throw new PerchError('unauthorized', 'wrong password');
    }
    if (oldToken !== undefined) {
      await sessions.end(oldToken);
    }
    this.#log.info({ user, ip }, 'logged in');
    this.#tell('login', { state: 'in', user, address: ip });
    return sessions.create(user, asker);
  }

  async logOut(token: string): Promise<void> {
    await this.people.sessions.end(token);
  }

  /** Shows at the next log-in that this device has been in: for a cookie that outlasts the session. */
  deviceToken(user: string, oldToken?: string): string {
    return this.#devices.tokenFor(user, oldToken);
  }

  /** The token to go on with, when this one has been in use for long. @param ip canonical */
  renewal(token: string, ip: string): Promise<string | undefined> {
    return this.people.sessions.renewal(token, ip);
  }

  /** One's own; all other sessions of the user are over. `token` is the session that asks. */
  async changePassword(user: string, password: string, next: string, asker: Asker, token?: string): Promise<void> {
    if (!(await this.#verify(user, password, asker))) {
      this.#log.warn({ user, ip: asker.ip }, 'change of password refused');
      throw new PerchError('unauthorized', 'wrong password');
    }
    checkNewPassword(next);
    await this.people.setPassword(user, next, token);
    this.#log.info({ user, ip: asker.ip }, 'has changed the password');
    this.#tell('login', { state: 'passwordChanged', user, address: asker.ip });
  }

  /** Counts the name and password of one request. @returns to be called with what came of it @throws PerchError exhausted */
  attempt(login: ProgramLogin): (outcome: Outcome) => void {
    const { users, sessions } = this.people;
    const { user, ip } = login;
    return this.#programs.take(login, users.stampOf(user) !== undefined && sessions.isFrom(user, ip));
  }

  /** Name and password of one request, which `attempt` has counted. An unknown name takes as long as a wrong password. */
  async verify(user: string, password: string, ip: string): Promise<boolean> {
    const nowMs = this.#clock.monoMs();
    const key = this.#rememberedAs(user, password, ip);
    const known = this.#remembered.get(key);
    if (known && known.untilMs > nowMs) {
      return known.isRight;
    }
    // Remembered while it is still being found out: a player opens several connections at once.
    const isRight = this.people.users.verify(user, password);
    this.#remembered.set(key, { untilMs: nowMs + REMEMBER_MS, isRight });
    this.#forgetOldest();
    let isKept = false;
    try {
      isKept = await isRight;
    } finally {
      if (!isKept) {
        this.#remembered.delete(key);
      }
    }
    return isKept;
  }

  async #verify(user: string, password: string, { ip, isPrivate, deviceToken }: Asker): Promise<boolean> {
    const { users, sessions } = this.people;
    const wasRight = this.#limits.take({
      ip,
      isPrivate,
      account: user,
      device: deviceToken === undefined ? undefined : this.#devices.find(user, deviceToken),
      isKnownAddress: users.stampOf(user) !== undefined && sessions.isFrom(user, ip),
    });
    let isRight: boolean;
    try {
      isRight = await users.verify(user, password);
    } catch (error) {
      // Too many hashes wait: nothing was found out.
      wasRight(true);
      throw error;
    }
    if (isRight) {
      wasRight();
    }
    return isRight;
  }

  /** Keyed by a secret of this run, so that neither memory nor a dump holds passwords; bound to the stored hash and the address. */
  #rememberedAs(user: string, password: string, ip: string): string {
    const stamp = this.people.users.stampOf(user) ?? '';
    const text = JSON.stringify([user, password, stamp, subscriberOf(ip)]);
    return createHmac('sha256', this.#rememberKey).update(text).digest('base64');
  }

  #forgetOldest(): void {
    const oldest = this.#remembered.keys().next();
    if (this.#remembered.size > REMEMBER_LIMIT && !oldest.done) {
      this.#remembered.delete(oldest.value);
    }
  }
}
