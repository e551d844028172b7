import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import { cameraError } from './failures.ts';

/** Cameras lock an account, or the address that asks, after 5 to 7 refusals, for 5 to 30 minutes. */
const MAX_REFUSALS = 2;
/** With other passwords among them, or when a person asks again. */
const MAX_REFUSALS_IN_ALL = 4;
const FORGET_AFTER_MS = 30 * 60_000;
const MAX_LOGINS = 1_024;

/** How a camera took a login: `none` = it does not know tokens, and asks by HTTP when it wants one. */
export type LoginScheme = 'token' | 'none' | 'digest' | 'basic';

interface Login {
  /** Of the password that was tried last: under a key of this program's run, the password itself is not kept. */
  seal: string;
  scheme: LoginScheme | undefined;
  /** With this password, and with all of the last half hour. */
  refusals: number;
  refusalsInAll: number;
  refusedAtMs: number;
  lockedUntilMs: number;
}

/** Whose login where. */
export interface LoginKey extends Credentials {
  /** `host:port` of the device service. */
  readonly camera: string;
}

/** What an earlier run of the program has to tell the next. */
export interface RefusedLogin {
  /** Camera and user. */
  readonly login: string;
  readonly refusals: number;
  readonly agoMs: number;
  readonly lockedForMs: number;
}

/**
 * What became of logins, by camera and user, over all sessions: so that a wrong password is not tried until the camera locks.
 * Bounded; the one that was used longest ago is forgotten first.
 */
export class LoginMemory {
  readonly #clock: Pick<Clock, 'monoMs'>;
  /** In the order of their use. */
  readonly #logins = new Map<string, Login>();
  readonly #secret = randomBytes(32);
  /** Hears of every refusal, lock and end of them. */
  onChange: () => void = () => {};

  constructor(clock: Pick<Clock, 'monoMs'>) {
    this.#clock = clock;
  }

  /**
   * Asked before every request with a login.
   * @param isAsked a person has just asked for it: a password that was refused twice may be tried once more
   * @throws PerchError lockedOut, wrongPassword
   */
  check(key: LoginKey, isAsked: boolean): void {
    const login = this.#get(key);
    if (!login) {
      return;
    }
    const nowMs = this.#clock.monoMs();
    const context = { host: key.camera, isRemembered: true };
    if (login.lockedUntilMs > nowMs) {
      throw lockedOut(login.lockedUntilMs - nowMs, context);
    }
    const isSame = login.seal === this.#sealOf(key);
    const goesOnMs = login.refusedAtMs + FORGET_AFTER_MS - nowMs;
    if (login.refusalsInAll >= MAX_REFUSALS_IN_ALL) {
      throw cameraError(
        'lockedOut',
        `the camera has refused this user ${login.refusalsInAll} times and would soon lock it: try again in ${minutes(goesOnMs)}`,
        { ...context, waitMs: goesOnMs },
      );
    }
    if (isSame && !isAsked && login.refusals >= MAX_REFUSALS) {
      throw cameraError(
        'wrongPassword',
        'the camera has refused this user name or password twice: it is not tried again until it is changed, or somebody asks for it',
        context,
      );
    }
  }

  mayTry(key: LoginKey, isAsked: boolean): boolean {
    try {
      this.check(key, isAsked);
      return true;
    } catch {
      return false;
    }
  }

  /** It was refused lately, with this password or another. */
  isDoubted(key: LoginKey): boolean {
    return (this.#get(key)?.refusalsInAll ?? 0) > 0;
  }

  accepted(key: LoginKey, scheme: LoginScheme): void {
    const wasDoubted = this.isDoubted(key);
    this.#put(key, { ...FRESH, seal: this.#sealOf(key), scheme });
    if (wasDoubted) {
      this.onChange();
    }
  }

  refused(key: LoginKey): void {
    const login = this.#get(key) ?? FRESH;
    const seal = this.#sealOf(key);
    const refusals = login.seal === seal ? login.refusals + 1 : 1;
    const refusedAtMs = this.#clock.monoMs();
    this.#put(key, { ...login, seal, refusals, refusalsInAll: login.refusalsInAll + 1, refusedAtMs });
    this.onChange();
  }

  /** @returns what to throw */
  locked(key: LoginKey, forMs: number | undefined): Error {
    const login = this.#get(key) ?? FRESH;
    const waitMs = forMs ?? FORGET_AFTER_MS;
    this.#put(key, { ...login, lockedUntilMs: this.#clock.monoMs() + waitMs });
    this.onChange();
    return lockedOut(waitMs, { host: key.camera, isTold: forMs !== undefined });
  }

  /** The scheme that it took last time. */
  schemeOf(key: LoginKey): LoginScheme | undefined {
    return this.#get(key)?.scheme;
  }

  /** It does not know tokens, whether the password is right or not. */
  learn(key: LoginKey, scheme: LoginScheme): void {
    this.#put(key, { ...(this.#get(key) ?? { ...FRESH, seal: this.#sealOf(key) }), scheme });
  }

  /** What counts against logins now; nothing of passwords. */
  refusals(): RefusedLogin[] {
    const nowMs = this.#clock.monoMs();
    const kept: RefusedLogin[] = [];
    for (const [name, login] of this.#logins) {
      const agoMs = nowMs - login.refusedAtMs;
      const refusals = agoMs < FORGET_AFTER_MS ? login.refusalsInAll : 0;
      const lockedForMs = Math.max(0, login.lockedUntilMs - nowMs);
      if (refusals > 0 || lockedForMs > 0) {
        kept.push({ login: name, refusals, agoMs, lockedForMs });
      }
    }
    return kept;
  }

  /** Of an earlier run: other passwords count as such, so a run that ends and begins again and again stops before a camera locks. */
  restore(refused: readonly RefusedLogin[]): void {
    const nowMs = this.#clock.monoMs();
    for (const { login, refusals, agoMs, lockedForMs } of refused.slice(-MAX_LOGINS)) {
      const refusedAtMs = nowMs - agoMs;
      this.#logins.set(login, {
        ...FRESH,
        refusals,
        refusalsInAll: refusals,
        refusedAtMs,
        lockedUntilMs: nowMs + lockedForMs,
      });
    }
  }

  #get(key: LoginKey): Login | undefined {
    const login = this.#logins.get(nameOf(key));
    const isOld = login && login.refusals > 0 && this.#clock.monoMs() - login.refusedAtMs >= FORGET_AFTER_MS;
    return isOld ? { ...login, refusals: 0, refusalsInAll: 0 } : login;
  }

  #put(key: LoginKey, login: Login): void {
    const name = nameOf(key);
    this.#logins.delete(name);
    this.#logins.set(name, login);
    for (const oldest of this.#logins.keys()) {
      if (this.#logins.size <= MAX_LOGINS) {
        return;
      }
      this.#logins.delete(oldest);
    }
  }

  #sealOf({ password }: LoginKey): string {
    return createHmac('sha256', this.#secret).update(password).digest('base64');
  }
}

const FRESH: Login = {
  seal: '',
  scheme: undefined,
  refusals: 0,
  refusalsInAll: 0,
  refusedAtMs: 0,
  lockedUntilMs: 0,
};

const nameOf = ({ camera, user }: LoginKey): string => JSON.stringify([camera, user]);

function lockedOut(waitMs: number, context: Record<string, unknown>): Error {
  const words = `the camera has locked this user after wrong passwords: try again in ${minutes(waitMs)}`;
  return cameraError('lockedOut', words, { ...context, waitMs });
}

const minutes = (ms: number): string => `${Math.max(1, Math.ceil(ms / 60_000))} min`;
