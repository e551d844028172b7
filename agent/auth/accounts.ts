import { createHmac, randomBytes } from 'node:crypto';
import type { TellBox } from '../base/box-events.ts';
import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { isPrivateIp, subscriberOf } from '../base/ip-address.ts';
import type { Logger } from '../base/log.ts';
import { Attempts } from './attempts.ts';
import { checkNewPassword, isSetupCode, makeSetupCode } from './claim.ts';
import type { DeviceLogin } from './device-passwords.ts';
import { KnownDevices } from './known-devices.ts';
import { LogInLimits } from './log-in-limits.ts';
import type { LoginProtocol } from './page-logins.ts';
import { type Asker, People } from './people.ts';
import type { Person } from './person.ts';

/** A player sends its name and password with each request: a verified pair is not hashed again for this long. */
const REMEMBER_MS = 10 * 60_000;
const REMEMBER_LIMIT = 64;

export interface AccountsOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of who comes in and who is refused. */
  readonly tell?: TellBox;
}

/** How people come in: the claim, log-in and log-out, and name and password with each request for players. */
export class Accounts {
  readonly people: People;
  /** Made at start while the box has no owner; wanted from whoever claims it from elsewhere than a private network. */
  readonly #setupCode = makeSetupCode();
  readonly #setupAttempts: Attempts;
  readonly #limits: LogInLimits;
  readonly #devices: KnownDevices;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #tell: TellBox;
  readonly #remembered = new Map<string, { readonly untilMs: number; readonly isRight: Promise<boolean> }>();
  readonly #rememberKey = randomBytes(32);

  static async open(options: AccountsOptions): Promise<Accounts> {
    return new Accounts(await People.open(options), options);
  }

  private constructor(people: People, { clock, log, tell = () => {} }: AccountsOptions) {
    this.people = people;
    this.#setupAttempts = new Attempts(clock);
    this.#limits = new LogInLimits(clock);
    this.#devices = new KnownDevices(people.key, people.users);
    this.#clock = clock;
    this.#log = log;
    this.#tell = tell;
  }

  /** The owner's name; undefined before the claim. */
  get owner(): string | undefined {
    return this.people.users.owner;
  }

  /** For console and log; undefined once the box has an owner. */
  get setupCode(): string | undefined {
    return this.owner === undefined ? this.#setupCode : undefined;
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
  notePageLogin(user: string, ip: string, protocol: LoginProtocol): void {
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
    const { users, sessions } = this.people;
    this.checkSetUp(setupCode, asker);
    checkNewPassword(password);
    await users.setOwner(password);
    // Of an owner before, whose users.json was removed.
    sessions.forgetAll();
    this.#log.info({ ip: asker.ip }, 'the owner has set a password');
    this.#tell('login', { state: 'claimed', user: users.owner, address: asker.ip });
    return sessions.create(users.owner ?? '', asker);
  }

  /** Who may make the box his own. @throws PerchError when it has an owner, or the setup code is wanted and is not this one */
  checkSetUp(setupCode: string | undefined, { ip, isPrivate }: Pick<Asker, 'ip' | 'isPrivate'>): void {
    if (this.owner !== undefined) {
      throw new PerchError('badInput', 'this box has an owner already: log in');
    }
    if (!isPrivate) {
      this.#checkSetupCode(setupCode, ip);
    }
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

  /** Name and password of one request. */
  async verify(user: string, password: string, ip: string): Promise<boolean> {
    const nowMs = this.#clock.monoMs();
    const key = this.#rememberedAs(user, password, ip);
    const known = this.#remembered.get(key);
    if (known && known.untilMs > nowMs) {
      return known.isRight;
    }
    // Remembered while it is still being found out: a player opens several connections at once.
    const isRight = this.#verify(user, password, { ip, isPrivate: isPrivateIp(ip) });
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
    const account = users.stampOf(user) === undefined ? undefined : user;
    const wasRight = this.#limits.take({
      ip,
      isPrivate,
      account,
      device: deviceToken === undefined ? undefined : this.#devices.find(user, deviceToken),
      isKnownAddress: account !== undefined && sessions.isFrom(account, ip),
    });
    let isRight: boolean;
    try {
      isRight = await users.verify(user, password);
    } catch (error) {
      // Too many hashes wait: nothing was found out.
      wasRight();
      throw error;
    }
    if (isRight) {
      wasRight();
    }
    return isRight;
  }

  #checkSetupCode(code: string | undefined, ip: string): void {
    if (code === undefined || code === '') {
      throw new PerchError('badInput', 'the setup code is needed: it stands in the log and on the console');
    }
    this.#setupAttempts.take(ip);
    if (!isSetupCode(code, this.#setupCode)) {
      this.#log.warn({ ip }, 'wrong setup code');
      throw new PerchError('unauthorized', 'wrong setup code: it stands in the log and on the console');
    }
    this.#setupAttempts.succeeded(ip);
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
