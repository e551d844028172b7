import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import { cameraError } from './failures.ts';
import { clockRefused, onvifUserMissing } from './login-failures.ts';
import { type ShownLogin, ShownLogins } from './shown-logins.ts';

/** Cameras lock an account, or the address that asks, after 5 to 7 refusals, for 5 to 30 minutes. */
const MAX_REFUSALS = 2;
/** With other passwords among them, or when a person asks again. */
const MAX_REFUSALS_IN_ALL = 4;
/** Of one password by ONVIF, pictures and streams together: the account that the camera locks is one. The last try is left to the stream. */
const MAX_REFUSALS_BESIDE = 3;
const FORGET_AFTER_MS = 30 * 60_000;
/** With other passwords among them: also one that has not been tried yet has to wait then. */
const MAX_REFUSALS_OF_ACCOUNT = 6;
/** So many other services of a camera that refuse a password make it doubtful where it was taken before. */
const MAX_DOUBTERS = 2;
/** Streams are tried on by themselves, so seldom. */
const STREAM_EVERY_MS = 10 * 60_000;
const MAX_LOGINS = 1_024;

/** How a camera took a login: `none` = it does not know tokens, and asks by HTTP when it wants one. */
export type LoginScheme = 'token' | 'none' | 'digest' | 'basic';

/** What a refusal was found to mean, where it is not just a wrong password. */
export type LoginFinding = 'onvifUser' | 'clock';

interface Login {
  /** Of the password that was tried last: under a key of this program's run, the password itself is not kept. */
  seal: string;
  scheme: LoginScheme | undefined;
  /** With this password, and with all of the last half hour. */
  refusals: number;
  refusalsInAll: number;
  refusedAtMs: number;
  lockedUntilMs: number;
  /** The password was taken, and has not been refused since. */
  isAccepted: boolean;
  finding: LoginFinding | undefined;
  /** A stream that was refused twice is tried seldom until it is let in. */
  isSlow: boolean;
  /** When a stream was let try it. */
  triedAtMs: number;
}

/** Whose login where. */
export interface LoginKey extends Credentials {
  /** `host:port` of the device service; of the stream where the camera has none that is known. */
  readonly camera: string;
  /** What else of the camera is logged in to, with users that may be others. */
  readonly service?: 'picture' | 'stream' | undefined;
}

/** What an earlier run of the program has to tell the next. */
export interface RefusedLogin {
  /** Camera, user and service. */
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
  /** Paths of one camera connect in the same moment, and it may answer late. */
  readonly #shown: ShownLogins;
  readonly #secret = randomBytes(32);
  /** Hears of every refusal, lock and end of them. */
  onChange: () => void = () => {};

  constructor(clock: Pick<Clock, 'monoMs'>) {
    this.#clock = clock;
    this.#shown = new ShownLogins(clock);
  }

  /**
   * Asked before every request with a login.
   * @param isAsked a person has just asked for it: a password that was refused twice may be tried once more
   * @returns to be told when it is answered, before what has become of it
   * @throws PerchError lockedOut, wrongPassword, timeout
   */
  show(key: LoginKey, isAsked: boolean): ShownLogin {
    this.check(key, isAsked);
    return this.#shown.add(nameOf(key), this.#sealOf(key));
  }

  /** Whether it could be shown now. @throws PerchError as `show` */
  check(key: LoginKey, isAsked: boolean): void {
    const login = this.#get(key) ?? FRESH;
    const nowMs = this.#clock.monoMs();
    const context = { host: key.camera, isRemembered: true };
    this.#checkLock(key);
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
      throw refusedTwice(login.finding, context);
    }
    const out = this.#shown.count((name) => name === nameOf(key));
    if (!(isSame && login.isAccepted) && login.refusalsInAll + out >= MAX_REFUSALS_IN_ALL) {
      throw unanswered(out, this.#shown.waitMs, context);
    }
    if (!isAsked) {
      this.#checkBeside(key, MAX_REFUSALS_BESIDE);
    }
  }

  /**
   * The same for a stream, which is tried on and on: soon once more, then every 10 minutes.
   * @param isNext the camera knows another scheme, and has just refused the first
   * @throws PerchError lockedOut, wrongPassword, timeout, with `waitMs`
   */
  showStream(key: LoginKey, isNext: boolean): ShownLogin {
    const login = this.#get(key) ?? FRESH;
    const nowMs = this.#clock.monoMs();
    this.#checkLock(key);
    const seal = this.#sealOf(key);
    const isSame = login.seal === seal;
    this.#checkBeside(key, isNext ? MAX_REFUSALS_BESIDE : MAX_REFUSALS_IN_ALL);
    if (isSame && login.isSlow && !isNext) {
      const waitMs = Math.max(login.triedAtMs, login.refusedAtMs) + STREAM_EVERY_MS - nowMs;
      if (waitMs > 0) {
        throw refusedBefore(login.refusals, waitMs, key);
      }
    }
    this.#put(key, { ...login, ...(isSame ? {} : { ...OTHER, seal }), triedAtMs: nowMs });
    return this.#shown.add(nameOf(key), seal);
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
    this.#put(key, { ...FRESH, seal: this.#sealOf(key), scheme, isAccepted: true });
    if (wasDoubted) {
      this.onChange();
    }
  }

  refused(key: LoginKey): void {
    const login = this.#get(key) ?? FRESH;
    const seal = this.#sealOf(key);
    const isSame = login.seal === seal;
    const { refusals, isSlow, finding } = isSame ? login : { ...login, ...OTHER };
    this.#put(key, {
      ...{ ...login, seal, finding, isAccepted: false, refusedAtMs: this.#clock.monoMs() },
      ...{ refusals: refusals + 1, refusalsInAll: login.refusalsInAll + 1 },
      isSlow: isSlow || refusals + 1 >= MAX_REFUSALS,
    });
    this.onChange();
  }

  /** How often its password may still be wrong before none is tried any more. */
  triesLeft(key: LoginKey): number {
    return Math.max(0, MAX_REFUSALS_IN_ALL - (this.#get(key)?.refusalsInAll ?? 0));
  }

  /** What the last refusal means: told again for as long as this password is not tried. */
  found(key: LoginKey, finding: LoginFinding): void {
    this.#put(key, { ...(this.#get(key) ?? { ...FRESH, seal: this.#sealOf(key) }), finding });
  }

  findingOf(key: LoginKey): LoginFinding | undefined {
    const login = this.#get(key);
    return login?.seal === this.#sealOf(key) ? login.finding : undefined;
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
    return isOld ? { ...login, refusals: 0, refusalsInAll: 0, finding: undefined } : login;
  }

  #checkLock(key: LoginKey): void {
    const waitMs = (this.#get(key)?.lockedUntilMs ?? 0) - this.#clock.monoMs();
    if (waitMs > 0) {
      throw lockedOut(waitMs, { host: key.camera, isRemembered: true });
    }
  }

  /**
   * What the camera's other services have refused counts too, for the account is one. A password that none has refused may be tried once,
   * and one that was taken goes on, as long as it is one service alone that refuses it: that may have users of its own.
   */
  #checkBeside(key: LoginKey, most: number): void {
    const nowMs = this.#clock.monoMs();
    const [seal, own] = [this.#sealOf(key), nameOf(key)];
    const account = accountOf(own);
    let [ofThis, inAll, waitMs, doubters] = [0, 0, FORGET_AFTER_MS, 0];
    for (const [name, login] of this.#logins) {
      const leftMs = login.refusedAtMs + FORGET_AFTER_MS - nowMs;
      const isRefused = login.refusals > 0 && leftMs > 0;
      if (accountOf(name) === account) {
        const isThis = login.seal === seal;
        ofThis += isThis && isRefused ? login.refusals : 0;
        inAll += isRefused ? login.refusalsInAll : 0;
        doubters += isThis && isRefused && name !== own ? 1 : 0;
        waitMs = isRefused ? Math.min(waitMs, leftMs) : waitMs;
      }
    }
    const login = this.#get(key);
    const isTrusted = login?.isAccepted && login.seal === seal && doubters < MAX_DOUBTERS;
    const isMuch = (times: number): boolean =>
      ofThis > 0 ? times >= MAX_REFUSALS_IN_ALL : times >= MAX_REFUSALS_OF_ACCOUNT;
    if (isTrusted) {
      return;
    }
    if (ofThis >= most || isMuch(inAll)) {
      throw refusedBefore(inAll, waitMs, key);
    }
    const isOut = (name: string, of: string) => accountOf(name) === account && !this.#isAccepted(name, of);
    const ofThisOut = this.#shown.count((name, of) => of === seal && isOut(name, of));
    const allOut = this.#shown.count(isOut);
    ofThis += ofThisOut;
    if (ofThis >= most || isMuch(inAll + allOut)) {
      throw unanswered(allOut, this.#shown.waitMs, { host: key.camera });
    }
  }

  #isAccepted(name: string, seal: string): boolean {
    const login = this.#logins.get(name);
    return login?.isAccepted === true && login.seal === seal;
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
  isAccepted: false,
  finding: undefined,
  isSlow: false,
  triedAtMs: Number.NEGATIVE_INFINITY,
};

/** Of a password that is not the one before. */
const OTHER = { refusals: 0, isAccepted: false, finding: undefined, isSlow: false } as const;

/** The account, and the service after it: JSON ends with a bracket. */
const nameOf = ({ camera, user, service }: LoginKey): string =>
  JSON.stringify([camera, user]) + (service === undefined ? '' : ` ${service}`);

const accountOf = (name: string): string => name.replace(/ (?:picture|stream)$/, '');

/** The user hears the same reason as at the first time. */
function refusedTwice(finding: LoginFinding | undefined, context: Record<string, unknown>): Error {
  if (finding !== undefined) {
    return (finding === 'onvifUser' ? onvifUserMissing : clockRefused)(context);
  }
  const words =
    'the camera has refused this user name or password twice: it is not tried again until it is changed, or somebody asks for it';
  return cameraError('wrongPassword', words, context);
}

function refusedBefore(times: number, waitMs: number, { camera: host }: LoginKey): Error {
  const words = `the camera has refused this user name or password ${times} times: it is tried again in ${minutes(waitMs)}, or when it is changed`;
  return cameraError('wrongPassword', words, { host, waitMs, isRemembered: true });
}

/** Whether the password is right is not known. */
function unanswered(times: number, waitMs: number, context: Record<string, unknown>): Error {
  const words = `logins of this user have no answer yet (${times}): try again in ${Math.ceil(waitMs / 1000)} s`;
  return cameraError('timeout', words, { ...context, waitMs });
}

function lockedOut(waitMs: number, context: Record<string, unknown>): Error {
  const words = `the camera has locked this user after wrong passwords: try again in ${minutes(waitMs)}`;
  return cameraError('lockedOut', words, { ...context, waitMs });
}

const minutes = (ms: number): string => `${Math.max(1, Math.ceil(ms / 60_000))} min`;
