import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { subscriberOf } from '../base/ip-address.ts';
import type { Logger } from '../base/log.ts';
import { Attempts } from './attempts.ts';
import { checkNewPassword, isSetupCode, makeSetupCode } from './claim.ts';
import { Sessions } from './sessions.ts';
import { Users } from './users.ts';

/** A player sends its name and password with each request: a verified pair is not hashed again for this long. */
const REMEMBER_MS = 10 * 60_000;
const REMEMBER_LIMIT = 64;

export interface AccountsOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Asker {
  /** Canonical. */
  readonly ip: string;
  /** From loopback or a private network, as far as it can be trusted. */
  readonly isPrivate: boolean;
}

/** The owner's account: the claim, log-in and log-out, and name and password with each request for players. */
export class Accounts {
  /** Made at start while the box has no owner; wanted from whoever claims it from elsewhere than a private network. */
  readonly #setupCode = makeSetupCode();
  readonly #users: Users;
  readonly #sessions: Sessions;
  readonly #attempts: Attempts;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #remembered = new Map<string, { readonly untilMs: number; readonly isRight: Promise<boolean> }>();
  readonly #rememberKey = randomBytes(32);

  static async open({ dataDir, clock, log }: AccountsOptions): Promise<Accounts> {
    return new Accounts(await Users.open(dataDir), await Sessions.open(dataDir, clock, log), clock, log);
  }

  private constructor(users: Users, sessions: Sessions, clock: Clock, log: Logger) {
    this.#users = users;
    this.#sessions = sessions;
    this.#attempts = new Attempts(clock);
    this.#clock = clock;
    this.#log = log;
  }

  /** The owner's name; undefined before the claim. */
  get owner(): string | undefined {
    return this.#users.owner;
  }

  /** For console and log; undefined once the box has an owner. */
  get setupCode(): string | undefined {
    return this.owner === undefined ? this.#setupCode : undefined;
  }

  /** The user of a session's token. */
  sessionUser(token: string): string | undefined {
    const user = this.#sessions.find(token);
    return user !== undefined && user === this.owner ? user : undefined;
  }

  /** Sets the owner's password, once. Gives a session's token. */
  async claim(password: string, setupCode: string | undefined, asker: Asker): Promise<string> {
    if (this.owner !== undefined) {
      throw new PerchError('badInput', 'this box has an owner already: log in');
    }
    if (!asker.isPrivate) {
      this.#checkSetupCode(setupCode, asker.ip);
    }
    checkNewPassword(password);
    await this.#users.setOwner(password);
    // Of an owner before, whose users.json was removed.
    this.#sessions.forgetAll();
    this.#log.info({ ip: asker.ip }, 'the owner has set a password');
    return this.#sessions.create(this.#users.owner ?? '');
  }

  /** Gives a new session's token; `oldToken`, if any, is over: a token from before the log-in is never worth more after it. */
  async logIn(user: string, password: string, ip: string, oldToken: string | undefined): Promise<string> {
    if (this.owner === undefined) {
      throw new PerchError('badInput', 'this box has no owner yet: set a password first');
    }
    if (!(await this.#verify(user, password, ip))) {
      this.#log.warn({ user, ip }, 'log-in refused');
      throw new PerchError('unauthorized', 'wrong password');
    }
    if (oldToken !== undefined) {
      await this.#sessions.end(oldToken);
    }
    this.#log.info({ user, ip }, 'logged in');
    return this.#sessions.create(user);
  }

  async logOut(token: string): Promise<void> {
    await this.#sessions.end(token);
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
    const isRight = this.#verify(user, password, ip);
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

  async #verify(user: string, password: string, ip: string): Promise<boolean> {
    this.#attempts.take(ip);
    try {
      const isRight = await this.#users.verify(user, password);
      if (isRight) {
        this.#attempts.succeeded(ip);
      }
      return isRight;
    } catch (error) {
      this.#attempts.giveBack(ip);
      throw error;
    }
  }

  #checkSetupCode(code: string | undefined, ip: string): void {
    if (code === undefined || code === '') {
      throw new PerchError('badInput', 'the setup code is needed: it stands in the log and on the console');
    }
    this.#attempts.take(ip);
    if (!isSetupCode(code, this.#setupCode)) {
      this.#log.warn({ ip }, 'wrong setup code');
      throw new PerchError('unauthorized', 'wrong setup code: it stands in the log and on the console');
    }
    this.#attempts.succeeded(ip);
  }

  /** Keyed by a secret of this run, so that neither memory nor a dump holds passwords; bound to the stored hash and the address. */
  #rememberedAs(user: string, password: string, ip: string): string {
    const stamp = this.#users.stampOf(user) ?? '';
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
