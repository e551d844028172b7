import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Credentials } from '../../../media/rtsp/digest.ts';
import { put } from './bounded-map.ts';
import { lockedOut, notShown } from './login-failures.ts';
import { type Admission, type LoginFinding, LoginVerdict, type Try } from './login-verdict.ts';
import { isWorthKeeping, type KeptLogins, keptOf, verdictOf } from './shown-logins.ts';

/** Of one user of a camera within half an hour, whatever the passwords were: a person hears how many are left. */
const MAX_REFUSALS_IN_ALL = 4;
/** By itself: also one that has not been tried yet has to wait then. */
const MAX_REFUSALS_OF_ACCOUNT = 6;
const LOCK_MS = 30 * 60_000;
/** There are a few hundred of one host. */
const CHANNEL_CHARS = 16;

/** How a camera took a login: `none` = it does not know tokens, and asks by HTTP when it wants one. */
export type LoginScheme = 'token' | 'none' | 'digest' | 'basic';

/** Whose login where. */
export interface LoginKey extends Credentials {
  /** `host:port` of the device service, or of the stream where the camera has none that is known. */
  readonly camera: string;
  /** Where it is not the camera's: all that is at one host waits for one verdict. */
  readonly host?: string | undefined;
  /** What is logged in to, which may refuse a login that others take: ONVIF when not given. */
  readonly channel?: string | undefined;
}

/** A login that may be shown now. One of these is called once; later calls do nothing. */
export interface LoginTurn {
  /** @param skewMs of a token: the camera's clock minus ours, by which it was made */
  accepted(scheme?: LoginScheme, skewMs?: number): void;
  /** @param scheme kind of the answer that was refused, for `LoginMemory.refusedSchemes` */
  refused(scheme?: string): void;
  /** The answer says nothing about the login, or it never came to the camera. */
  end(): void;
  /** No answer will come. It may have been refused all the same: the next one goes, and this one counts for a while. */
  lost(): void;
  /** Its answer may be a minute away: nobody waits for it. */
  detach(): void;
}

export interface TurnOptions {
  /** A person has just given the password. */
  readonly isAsked?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Waiter {
  readonly key: LoginKey;
  readonly channel: string;
  readonly isAsked: boolean;
  go(turn: LoginTurn): void;
  fail(error: unknown): void;
}

interface Held {
  readonly verdict: LoginVerdict;
  readonly waiters: Waiter[];
  /** Wakes those that wait when a time is over. */
  alarm: AbortController | undefined;
}

/** Under a key that this machine alone has. */
export type Seal = (text: string) => string;

/**
 * What became of logins, one verdict for each host, user and password, over all channels, services and sessions. A login that is not known
 * to be good goes ahead alone; the others wait for its verdict, then go together or are refused without trying. Bounded; the one that was
 * used longest ago is forgotten first.
 */
export class LoginMemory {
  readonly #clock: Pick<Clock, 'monoMs' | 'sleep'>;
  /** In the order of their use. */
  readonly #logins = new Map<string, Held>();
  /** When a user's login was last taken, by account. */
  readonly #takenAtMs = new Map<string, number>();
  readonly #lockedUntilMs = new Map<string, number>();
  readonly #schemes = new Map<string, LoginScheme>();
  #seal: Seal;
  /** Hears of every change that the next run has to know. */
  onChange: () => void = () => {};

  constructor(clock: Pick<Clock, 'monoMs' | 'sleep'>) {
    this.#clock = clock;
    const secret = randomBytes(32);
    this.#seal = (text) => createHmac('sha256', secret).update(text).digest('base64url');
  }

  /**
   * Asked before every request with a login. Resolves when it may be shown.
   * @throws PerchError wrongPassword, lockedOut, with `waitMs`; unavailable when `signal` aborts
   */
  turn(key: LoginKey, { isAsked = false, signal }: TurnOptions = {}): Promise<LoginTurn> {
    const held = this.#open(key);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        held.waiters.splice(held.waiters.indexOf(waiter), 1);
        reject(new PerchError('unavailable', 'nobody waits for the login any more'));
      };
      const settled = (): void => signal?.removeEventListener('abort', leave);
      const waiter: Waiter = {
        ...{ key, isAsked, channel: this.#channelOf(key) },
        go: (turn) => {
          settled();
          resolve(turn);
        },
        fail: (error) => {
          settled();
          reject(error);
        },
      };
      held.waiters.push(waiter);
      if (signal?.aborted) {
        leave();
        return;
      }
      signal?.addEventListener('abort', leave, { once: true });
      this.#wake(held);
    });
  }

  /** Without a turn: it had been let in, and is refused within what it was let in to. */
  refused(key: LoginKey, scheme?: string): void {
    const held = this.#open(key);
    const one = { channel: this.#channelOf(key), account: this.#accountOf(key), atMs: this.#clock.monoMs() };
    this.#refused(held.verdict, one, scheme);
    this.#wake(held);
  }

  /** A stream that was let in plays, or has ended. */
  plays(key: LoginKey, isPlaying: boolean): void {
    const { playing } = this.#open(key).verdict;
    playing[isPlaying ? 'add' : 'delete'](this.#channelOf(key));
  }

  /** Whether it would be shown, now or after others. @throws PerchError as `turn` */
  check(key: LoginKey, isAsked: boolean): void {
    const held = this.#logins.get(this.#idOf(key));
    const admission = this.#admit(held?.verdict ?? new LoginVerdict(), key, isAsked);
    if (admission.kind === 'no') {
      throw this.#refusal(admission, held?.verdict, key);
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

  /** It was taken, and nothing has refused this user since. */
  isTaken(key: LoginKey): boolean {
    const isGood = this.#logins.get(this.#idOf(key))?.verdict.isGood === true;
    return isGood && this.#refusalsOf(this.#accountOf(key)) === 0;
  }

  /** Refused twice: it is not shown for now. */
  isWrong(key: LoginKey): boolean {
    return this.#logins.get(this.#idOf(key))?.verdict.isWrong(this.#clock.monoMs()) === true;
  }

  /** Kinds of answers that this login was refused with since it was last taken. */
  refusedSchemes(key: LoginKey): ReadonlySet<string> {
    return this.#open(key).verdict.refusedSchemes;
  }

  /** How often another password may still be wrong before none is tried any more. */
  triesLeft(key: LoginKey): number {
    return Math.max(0, MAX_REFUSALS_IN_ALL - this.#refusalsOf(this.#accountOf(key)));
  }

  /** What the last refusal means: told again for as long as this password is not tried. */
  found(key: LoginKey, finding: LoginFinding): void {
    this.#open(key).verdict.finding = finding;
  }

  findingOf(key: LoginKey): LoginFinding | undefined {
    return this.#logins.get(this.#idOf(key))?.verdict.finding;
  }

  /** @returns what to throw */
  locked(key: LoginKey, forMs: number | undefined): Error {
    const waitMs = forMs ?? LOCK_MS;
    put(this.#lockedUntilMs, this.#lockOf(key), this.#clock.monoMs() + waitMs);
    this.onChange();
    return lockedOut(waitMs, { host: key.camera, isTold: forMs !== undefined });
  }

  /** The scheme that it took last time. */
  schemeOf(key: LoginKey): LoginScheme | undefined {
    return this.#schemes.get(this.#accountOf(key));
  }

  /** It does not know tokens, whether the password is right or not. */
  learn(key: LoginKey, scheme: LoginScheme): void {
    put(this.#schemes, this.#accountOf(key), scheme);
  }

  /** The camera's clock minus ours, when it last took a token of this login. */
  skewOf(key: LoginKey): number | undefined {
    return this.#logins.get(this.#idOf(key))?.verdict.skewMs;
  }

  /** What the next run has to know; hashes under the machine's key in the place of hosts, users and passwords. */
  keep(): KeptLogins {
    const nowMs = this.#clock.monoMs();
    const worth = [...this.#logins].filter(([, { verdict }]) => isWorthKeeping(verdict, nowMs));
    const locks = [...this.#lockedUntilMs].filter(([, untilMs]) => untilMs > nowMs);
    return {
      logins: worth.map(([id, { verdict }]) => keptOf(id, verdict, nowMs)),
      locks: locks.map(([id, untilMs]) => ({ id, leftMs: untilMs - nowMs })),
    };
  }

  /** Of an earlier run, with the key that it had. */
  restore(seal: Seal, { logins, locks }: KeptLogins): void {
    const nowMs = this.#clock.monoMs();
    this.#seal = seal;
    for (const kept of logins) {
      put(this.#logins, kept.id, { verdict: verdictOf(kept, nowMs), waiters: [], alarm: undefined });
    }
    for (const { id, leftMs } of locks) {
      put(this.#lockedUntilMs, id, nowMs + leftMs);
    }
  }

  /** Whoever may go goes, whoever may not hears it, and the others wait on. */
  #wake(held: Held): void {
    held.alarm?.abort();
    held.alarm = undefined;
    const { verdict, waiters } = held;
    let untilMs = Number.POSITIVE_INFINITY;
    for (const waiter of this.#inOrder(held)) {
      const admission = this.#admit(verdict, waiter.key, waiter.isAsked);
      if (admission.kind === 'wait') {
        untilMs = Math.min(untilMs, admission.untilMs);
        continue;
      }
      waiters.splice(waiters.indexOf(waiter), 1);
      if (admission.kind === 'go') {
        waiter.go(this.#begin(held, waiter));
      } else {
        waiter.fail(this.#refusal(admission, verdict, waiter.key));
      }
    }
    if (Number.isFinite(untilMs)) {
      const alarm = new AbortController();
      held.alarm = alarm;
      void this.#clock.sleep(untilMs - this.#clock.monoMs(), alarm.signal).then(() => {
        if (!alarm.signal.aborted) {
          this.#wake(held);
        }
      });
    }
  }

  /** Whoever has been let in before goes first, and whoever has just refused it last: it is tried on another channel. */
  #inOrder({ verdict, waiters }: Held): readonly Waiter[] {
    const rankOf = ({ channel }: Waiter): number =>
      (verdict.proven.has(channel) ? 0 : 1) + (verdict.refusals.some((one) => one.channel === channel) ? 2 : 0);
    return waiters.toSorted((a, b) => rankOf(a) - rankOf(b));
  }

  #begin(held: Held, { key, channel }: Waiter): LoginTurn {
    const { verdict } = held;
    const begun = verdict.begin(channel, this.#accountOf(key), this.#clock.monoMs());
    let isOver = false;
    const settle = (what: () => void): void => {
      if (!isOver) {
        isOver = true;
        verdict.end(begun);
        what();
        this.#wake(held);
      }
    };
    return {
      accepted: (scheme, skewMs) => settle(() => this.#accepted(verdict, key, begun, scheme, skewMs)),
      refused: (scheme) => settle(() => this.#refused(verdict, begun, scheme)),
      end: () => settle(() => {}),
      detach: () => {
        verdict.end(begun);
        this.#wake(held);
      },
      lost: () => {
        if (!isOver) {
          begun.hasTurn = false;
          this.#wake(held);
        }
      },
    };
  }

  #accepted(verdict: LoginVerdict, key: LoginKey, one: Try, scheme?: LoginScheme, skewMs?: number): void {
    put(this.#takenAtMs, one.account, this.#clock.monoMs());
    if (scheme) {
      this.learn(key, scheme);
    }
    if (key.channel === undefined) {
      verdict.finding = undefined;
    }
    if (verdict.accepted(one, this.#clock.monoMs(), skewMs)) {
      this.onChange();
    }
  }

  #refused(verdict: LoginVerdict, one: Pick<Try, 'channel' | 'account' | 'atMs'>, scheme: string | undefined): void {
    verdict.refused(one, this.#clock.monoMs());
    if (scheme !== undefined) {
      verdict.refusedSchemes.add(scheme);
    }
    this.onChange();
  }

  #admit(verdict: LoginVerdict, key: LoginKey, isAsked: boolean): Admission {
    const nowMs = this.#clock.monoMs();
    const lockedUntilMs = this.#lockedUntilMs.get(this.#lockOf(key)) ?? 0;
    if (lockedUntilMs > nowMs) {
      return { kind: 'no', untilMs: lockedUntilMs, why: 'lock' };
    }
    const account = this.#accountOf(key);
    const most = isAsked ? MAX_REFUSALS_IN_ALL : MAX_REFUSALS_OF_ACCOUNT;
    const admission = verdict.admit(this.#channelOf(key), nowMs);
    if (verdict.isGood || admission.kind !== 'go' || this.#refusalsOf(account) + this.#outOf(account) < most) {
      return admission;
    }
    return { kind: 'no', untilMs: nowMs + this.#forgottenInMs(account), why: 'count' };
  }

  /** The user hears the same reason as at the first time. */
  #refusal({ untilMs, why }: Admission & { kind: 'no' }, verdict: LoginVerdict | undefined, key: LoginKey): Error {
    const waitMs = untilMs - this.#clock.monoMs();
    const finding = key.channel === undefined || why === 'wrong' ? verdict?.finding : undefined;
    const times = this.#refusalsOf(this.#accountOf(key));
    return notShown(why, { finding, times, waitMs }, { host: key.camera, waitMs, isRemembered: true });
  }

  /** Of this user, with whatever password, since one was taken. */
  #refusalsOf(account: string): number {
    return this.#timesOf(account).length;
  }

  #timesOf(account: string): readonly number[] {
    const nowMs = this.#clock.monoMs();
    const takenAtMs = this.#takenAtMs.get(account) ?? Number.NEGATIVE_INFINITY;
    return [...this.#logins.values()]
      .flatMap(({ verdict }) => verdict.recent(nowMs))
      .filter((one) => one.account === account && one.atMs > takenAtMs)
      .map(({ atMs }) => atMs);
  }

  #forgottenInMs(account: string): number {
    const oldestMs = Math.min(...this.#timesOf(account));
    return Number.isFinite(oldestMs) ? Math.max(1, oldestMs + LOCK_MS - this.#clock.monoMs()) : LOCK_MS;
  }

  #outOf(account: string): number {
    const nowMs = this.#clock.monoMs();
    const unknown = [...this.#logins.values()].filter(({ verdict }) => !verdict.isGood && !verdict.isIdle);
    return unknown.flatMap(({ verdict }) => verdict.out(nowMs)).filter((one) => one.account === account).length;
  }

  #open(key: LoginKey): Held {
    const id = this.#idOf(key);
    const held = this.#logins.get(id) ?? { verdict: new LoginVerdict(), waiters: [], alarm: undefined };
    put(this.#logins, id, held, ({ verdict, waiters }) => waiters.length > 0 || !verdict.isIdle);
    return held;
  }

  #idOf({ camera, host = hostOf(camera), user, password }: LoginKey): string {
    return this.#seal(JSON.stringify(['login', host.toLowerCase(), user, password]));
  }

  #accountOf({ camera, user }: LoginKey): string {
    return this.#seal(JSON.stringify(['account', camera.toLowerCase(), user]));
  }

  #channelOf({ camera, channel = 'onvif' }: LoginKey): string {
    return this.#seal(JSON.stringify(['channel', camera.toLowerCase(), channel])).slice(0, CHANNEL_CHARS);
  }

  /** Each service has locks of its own. */
  #lockOf({ camera, user, channel = 'onvif' }: LoginKey): string {
    return this.#seal(JSON.stringify(['lock', camera.toLowerCase(), user, channel]));
  }
}

/** Without port, brackets and zone. */
const hostOf = (camera: string): string => camera.replace(/:\d+$/, '').replace(/^\[|%[^\]]*|\]$/g, '');
