import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { PublishEvent } from '../../base/event-bus.ts';
import type { Logger } from '../../base/log.ts';
import { type OwnCommand, ownCommand } from '../../base/own-command.ts';
import type { PasswordHash } from '../passwords/password-hash.ts';
import { LoginLimits } from '../throttle/login-limits.ts';
import type { DeviceLogin } from './device-passwords.ts';
import { findClaim, hasClaim, withdrawClaim } from './local-claim.ts';
import { checkNewPassword } from './new-password.ts';
import { type LoginClient, People } from './people.ts';
import type { Person } from './person.ts';
import { type Outcome, type ProgramLogin, ProgramLogins, VerifiedPasswords } from './program-logins.ts';
import { SecondFactorCheck } from './second-factor-check.ts';
import { SIGNATURE_CHARS } from './secret-key.ts';
import { isSetupCode, SetupCode, type SetupFacts } from './setup-code.ts';

/** How often the data folder of a box without owner is searched for a local claim. */
const LOCAL_CLAIM_MS = 500;
const REMIND_MS = 86_400_000;
const DEVICE_ID_BYTES = 12;
const DEVICE_ID_CHARS = 16;

const WHERE = 'the terminal, journal or container log of the start shows it, and the screen of the box';

interface AccountsOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Reports accepted and rejected logins. */
  readonly publish?: PublishEvent;
  /** Whether the box can be claimed over HTTP: not with a MediaMTX configuration, which defines access itself. */
  readonly isClaimable?: () => boolean;
  /** Default: `perch`. */
  readonly own?: OwnCommand;
}

/** Authentication of people: claim, login and logout, and name and password with each request from players. */
export class Accounts {
  readonly people: People;
  readonly own: OwnCommand;
  readonly secondFactorCheck: SecondFactorCheck;
  readonly #dataDir: string;
  readonly #setup: SetupCode;
  readonly #isClaimable: () => boolean;
  readonly #setupLimits: LoginLimits;
  readonly #limits: LoginLimits;
  readonly #programs: ProgramLogins;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #publish: PublishEvent;
  readonly #verified: VerifiedPasswords;
  readonly #ownerlessListeners = new Set<() => void>();
  #isAccepting = false;

  static async open(options: AccountsOptions): Promise<Accounts> {
    const people = await People.open(options);
    const setup = await SetupCode.open(options.dataDir, options.log);
    const accounts = new Accounts(people, setup, options);
    await accounts.#followOwner();
    await accounts.#acceptLocalClaim();
    return accounts;
  }

  private constructor(people: People, setup: SetupCode, options: AccountsOptions) {
    const {
      dataDir,
      clock,
      log,
      publish = () => {},
      isClaimable = () => true,
      own = ownCommand({ PERCH_COMMAND: 'perch' }, dataDir),
    } = options;
    this.people = people;
    this.#dataDir = dataDir;
    this.#setup = setup;
    this.#isClaimable = isClaimable;
    this.own = own;
    this.#setupLimits = new LoginLimits(clock);
    this.#limits = new LoginLimits(clock);
    this.#verified = new VerifiedPasswords(people.users, clock);
    this.#programs = new ProgramLogins(clock, this.#limits);
    this.#clock = clock;
    this.#log = log;
    this.#publish = publish;
    people.users.onOwnerChanged(() => this.#ownerChanged());
    const takeAttempt = (user: string, client: LoginClient) => this.#takeAttempt(user, client);
    this.secondFactorCheck = new SecondFactorCheck({
      factor: people.secondFactor,
      key: people.key,
      clock,
      log,
      publish,
      takeAttempt,
    });
  }

  /** The owner's name; undefined before the claim. */
  get owner(): string | undefined {
    return this.people.users.owner;
  }

  /** Why the people are not known at present, so that a right password is refused, too. */
  get unknown(): PerchError | undefined {
    return this.people.users.unknown;
  }

  /** Setup code for the terminal and the screen, never for the log; undefined if the box cannot be claimed over HTTP. */
  get setup(): SetupFacts | undefined {
    return this.mayClaim ? this.#setup.facts : undefined;
  }

  /** Stores the address of the page, for `perch claim --link`. */
  async setUrl(url: string): Promise<void> {
    if (this.#isClaimable()) {
      await this.#setup.setUrl(url);
    }
  }

  /** Whether the setup code can claim the box. */
  get mayClaim(): boolean {
    return this.owner === undefined && this.#isClaimable();
  }

  /** Called when another server has removed the owner: this box has a new setup code. @returns ends that */
  onOwnerless(listener: () => void): () => void {
    this.#ownerlessListeners.add(listener);
    return () => void this.#ownerlessListeners.delete(listener);
  }

  /** While there is no owner: accepts the claim of `perch claim`, and logs reminders. @returns stops it */
  awaitOwner(): () => void {
    let stop = () => {};
    const begin = () => {
      stop();
      stop = this.#acceptClaims();
    };
    if (this.owner === undefined) {
      begin();
    }
    const ignore = this.onOwnerless(begin);
    return () => {
      ignore();
      stop();
    };
  }

  /** Until there is an owner. @returns stops it */
  #acceptClaims(): () => void {
    const remind = () => this.#log.warn({ command: this.own.of('claim') }, 'box has no owner yet: set its password');
    remind();
    const stops = [
      this.#clock.every(REMIND_MS, remind),
      this.#clock.every(LOCAL_CLAIM_MS, () => void this.#acceptLocalClaim().then(stopIfOwned)),
    ];
    const stop = () => {
      for (const end of stops) {
        end();
      }
    };
    const stopIfOwned = () => this.owner !== undefined && stop();
    return stop;
  }

  /** The user whom a typed name means, whatever its letter case. */
  userOf(typed: string): string {
    return this.people.users.nameOf(typed);
  }

  /** A user, or a guest with a valid link, by name. */
  person(name: string): Person | undefined {
    return this.people.users.person(name) ?? this.people.guests.person(name);
  }

  device(user: string): DeviceLogin | undefined {
    return this.people.devices.find(user);
  }

  /** Whether any device password permits this. */
  hasDeviceFor(action: string, path: string): boolean {
    return this.people.devices.anyMay(action, path);
  }

  /** Call this when a program has sent a person's name and page password. */
  notePageLogin(user: string, ip: string, protocol: string): void {
    this.people.pageLogins.note(user, ip, protocol);
  }

  noteWrongDigest(ip: string): void {
    this.people.pageLogins.digestFailed(ip);
  }

  /** Whether clients at this address cannot use Digest, because they have a page password. */
  wantsBasic(ip: string, protocol: string): boolean {
    return this.people.pageLogins.wantsBasic(ip, protocol);
  }

  /** The guest of a link's token. */
  guest(token: string): Person | undefined {
    return this.people.guests.find(token);
  }

  /** Asks the database for the session of a token that this server does not know: another one may just have created it. */
  learnSession(token: string): Promise<void> {
    return this.people.sessions.learn(token);
  }

  /** The user of a session token. Counts as a use. */
  sessionUser(token: string): string | undefined {
    const user = this.people.sessions.find(token);
    return user !== undefined && this.people.users.person(user) ? user : undefined;
  }

  /** Sets the owner's password, once. @returns a session token */
  async claim(password: string, setupCode: string | undefined, client: LoginClient): Promise<string> {
    this.checkSetUp(setupCode, client);
    checkNewPassword(password);
    await this.#setOwner(password, client.ip);
    return this.people.sessions.create(this.owner ?? '', client);
  }

  /** Checks the right to claim or restore over HTTP. @throws PerchError without the setup code, or if there is an owner */
  checkSetUp(setupCode: string | undefined, { ip, isPrivate }: Pick<LoginClient, 'ip' | 'isPrivate'>): void {
    const { facts } = this.#setup;
    if (this.owner !== undefined || !facts) {
      throw new PerchError('badInput', 'this box already has an owner: log in');
    }
    if (!this.#isClaimable()) {
      const why = 'its configuration does not begin with perch: own';
      throw new PerchError('unauthorized', `run ${this.own.shown('claim')} on the box itself: ${why}`);
    }
    if (setupCode === undefined || setupCode === '') {
      const way = `${this.own.shown('claim')} on the box itself needs none`;
      throw new PerchError('badInput', `the setup code is needed: ${WHERE}; ${way}`);
    }
    const wasRight = this.#setupLimits.take({ ip, isPrivate, account: undefined, isKnownAddress: false });
    if (!isSetupCode(setupCode, facts.code)) {
      this.#log.warn({ ip }, 'wrong setup code');
      throw new PerchError('unauthorized', `wrong setup code: ${WHERE}`);
    }
    wasRight();
  }

  #followOwner(): Promise<void> {
    return this.#setup.follow(this.owner !== undefined);
  }

  #ownerChanged(): void {
    void this.#followOwner();
    if (this.owner === undefined) {
      for (const listener of this.#ownerlessListeners) {
        listener();
      }
    }
  }

  /** @param password the password or its hash @param ip undefined for a claim on this box */
  async #setOwner(password: string | PasswordHash, ip?: string): Promise<void> {
    const { users, sessions, secondFactor } = this.people;
    await users.setOwner(password);
    // There may be sessions and a second factor of a former owner whose users.json was removed.
    await sessions.forgetAll();
    await secondFactor.remove();
    await this.#followOwner();
    this.#log.info({ ip: ip ?? 'this box' }, 'owner has set a password');
    this.#publish('login', { state: 'claimed', user: users.owner, address: ip });
  }

  /** `perch claim` waits until the claim is gone, then checks which password is stored. */
  async #acceptLocalClaim(): Promise<void> {
    // Only one system call, because this runs each second.
    if (this.#isAccepting || !hasClaim(this.#dataDir)) {
      return;
    }
    this.#isAccepting = true;
    try {
      const hash = await findClaim(this.#dataDir, this.#log);
      // The command may have withdrawn the claim meanwhile.
      if (hash && this.owner === undefined && hasClaim(this.#dataDir)) {
        await this.#setOwner(hash);
      }
    } catch (error) {
      this.#log.error({ cause: explain(error) }, 'saving the password of perch claim failed');
    }
    await withdrawClaim(this.#dataDir).catch((error: unknown) =>
      this.#log.error({ cause: explain(error) }, 'removing the local claim failed'),
    );
    this.#isAccepting = false;
  }

  /** @returns a new session token; `oldToken` ends, so that a token from before the login gains no rights */
  async logIn(user: string, password: string, client: LoginClient, oldToken?: string): Promise<string> {
    const { sessions } = this.people;
    const { ip } = client;
    if (this.owner === undefined) {
      throw new PerchError('badInput', 'this box has no owner yet: set a password first');
    }
    if (!(await this.#verify(user, password, client))) {
      this.#log.warn({ user, ip }, 'login refused');
      this.#publish('login', { state: 'refused', user, address: ip });
      throw new PerchError('unauthorized', 'wrong password');
    }
    // A browser that was logged in before counts as the second factor.
    if (this.hasSecondFactor(user) && this.#deviceId(user, client.deviceToken) === undefined) {
      await this.secondFactorCheck.check(user, client);
    }
    if (oldToken !== undefined) {
      await sessions.end(oldToken);
    }
    this.#log.info({ user, ip }, 'logged in');
    this.#publish('login', { state: 'in', user, address: ip });
    return sessions.create(user, client);
  }

  /** Whether the user needs more than a password. */
  hasSecondFactor(user: string): boolean {
    return user === this.owner && this.people.secondFactor.id !== undefined;
  }

  /** The second factor is now on, which ends the user's other sessions, or has one more passkey or app. @param token of the session in use */
  async secondFactorAdded(user: string, ip: string, token: string | undefined, isNew = true): Promise<void> {
    if (isNew) {
      await this.people.sessions.endAllOf(user, token);
    }
    this.#log.info({ user, ip }, 'second factor added');
    this.#publish('login', { state: 'factorAdded', user, address: ip });
  }

  /** Removes the owner's second factor. @throws PerchError unauthorized */
  async removeSecondFactor(user: string, password: string, client: LoginClient): Promise<void> {
    await this.confirmFactor(user, password, client);
    await this.people.secondFactor.remove();
    this.#log.info({ user, ip: client.ip }, 'second factor removed');
    this.#publish('login', { state: 'factorRemoved', user, address: client.ip });
  }

  /** Checks the password and the second factor, if there is one, before its change. @throws PerchError unauthorized */
  async confirmFactor(user: string, password: string, client: LoginClient): Promise<void> {
    await this.confirmPassword(user, password, client);
    if (this.hasSecondFactor(user)) {
      await this.secondFactorCheck.check(user, client);
    }
  }

  async logOut(token: string): Promise<void> {
    await this.people.sessions.end(token);
  }

  /**
   * `id.signature`, for a cookie that outlasts the session: it grants no access, but attempts of this device are counted apart. A new
   * password invalidates it. @param oldToken keeps its id, and thus its attempts, if it is valid
   */
  deviceToken(user: string, oldToken?: string): string {
    const id = this.#deviceId(user, oldToken) ?? randomBytes(DEVICE_ID_BYTES).toString('base64url');
    return `${id}.${this.people.key.sign('device', this.#deviceTerms(user, id))}`;
  }

  /** Device id in a token; undefined if the token is not one of this user's devices. */
  #deviceId(user: string, token = ''): string | undefined {
    const [id, signature] = [token.slice(0, DEVICE_ID_CHARS), token.slice(DEVICE_ID_CHARS + 1)];
    const isLikely = token.length === DEVICE_ID_CHARS + 1 + SIGNATURE_CHARS && token[DEVICE_ID_CHARS] === '.';
    const isKnown = isLikely && this.people.users.stampOf(user) !== undefined;
    return isKnown && this.people.key.isSigned('device', this.#deviceTerms(user, id), signature) ? id : undefined;
  }

  #deviceTerms(user: string, id: string): string {
    // Tokens from before the second factor are no proof of it.
    const factor = this.hasSecondFactor(user) ? [this.people.secondFactor.id] : [];
    return JSON.stringify([user, this.people.users.stampOf(user) ?? '', id, ...factor]);
  }

  /** The successor of a token that has been in use for long. @param ip canonical */
  renewal(token: string, ip: string): Promise<string | undefined> {
    return this.people.sessions.renewal(token, ip);
  }

  /** @throws PerchError unauthorized for a wrong password */
  async confirmPassword(user: string, password: string, client: Omit<LoginClient, 'device'>): Promise<void> {
    if (!(await this.#verify(user, password, client))) {
      this.#log.warn({ user, ip: client.ip }, 'password not confirmed');
      throw new PerchError('unauthorized', 'wrong password');
    }
  }

  /** Ends the user's other sessions. @param token of the session in use */
  async changePassword(
    user: string,
    password: string,
    next: string,
    client: LoginClient,
    token?: string,
  ): Promise<void> {
    if (!(await this.#verify(user, password, client))) {
      this.#log.warn({ user, ip: client.ip }, 'change of password refused');
      throw new PerchError('unauthorized', 'wrong password');
    }
    checkNewPassword(next);
    await this.people.setPassword(user, next, token);
    this.#log.info({ user, ip: client.ip }, 'password changed');
    this.#publish('login', { state: 'passwordChanged', user, address: client.ip });
  }

  /** Counts the name and password of one request. @returns call with the outcome @throws PerchError exhausted */
  attempt(login: ProgramLogin): (outcome: Outcome) => void {
    const { users, sessions } = this.people;
    const { user, ip } = login;
    return this.#programs.take(login, users.stampOf(user) !== undefined && sessions.isFrom(user, ip));
  }

  /** Verifies name and password of a request counted by `attempt`. An unknown name takes as long as a wrong password. */
  verify(user: string, password: string, ip: string): Promise<boolean> {
    return this.#verified.verify(user, password, ip);
  }

  /** @throws PerchError exhausted @returns to be called if the attempt was not wrong, or was not verified (`isOpen`) */
  #takeAttempt(user: string, { ip, isPrivate, deviceToken }: Omit<LoginClient, 'device'>): (isOpen?: boolean) => void {
    const { users, sessions } = this.people;
    return this.#limits.take({
      ip,
      isPrivate,
      account: user,
      device: this.#deviceId(user, deviceToken),
      isKnownAddress: users.stampOf(user) !== undefined && sessions.isFrom(user, ip),
    });
  }

  async #verify(user: string, password: string, client: Omit<LoginClient, 'device'>): Promise<boolean> {
    const wasRight = this.#takeAttempt(user, client);
    let isRight: boolean;
    try {
      isRight = await this.people.users.verify(user, password);
    } catch (error) {
      // Too many hashes are waiting, so the attempt is not counted.
      wasRight(true);
      throw error;
    }
    if (isRight) {
      wasRight();
    }
    return isRight;
  }
}
