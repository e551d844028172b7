import { createHmac, randomBytes } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Credentials } from '../../../media/rtsp/digest.ts';
import { lockedOut, notShown } from './login-failures.ts';
import {
  type Admission,
  type LoginUse,
  LoginVerdict,
  type PendingLogin,
  type RefusalCause,
  type StoredLogins,
  UNANSWERED_MS,
} from './login-verdict.ts';

/** Maximum rejections of one user of a camera within half an hour, over all passwords: a person sees how many tries are left. */
const MAX_REFUSALS_IN_ALL = 4;
/** The same for logins without a person; logins that were not tried yet wait as well. */
const MAX_REFUSALS_OF_ACCOUNT = 6;
const LOCK_MS = 30 * 60_000;
/** Maximum number of logins, of accounts and of locks. */
const MAX_ENTRIES = 1_024;
/** Length of a channel's hash, enough to distinguish the few hundred channels of one host. */
const CHANNEL_CHARS = 16;

/** How a camera accepted a login: `none` = it does not know tokens and sends HTTP challenges. */
export type LoginScheme = 'token' | 'none' | 'digest' | 'basic';

export interface LoginKey extends Credentials {
  /** `host:port` of the device service, or of the stream if no service is known. */
  readonly camera: string;
  /** If it differs from the camera's: all logins at one host share one verdict. */
  readonly host?: string | undefined;
  /** What the login opens, which may reject a login that others accept; default ONVIF. */
  readonly channel?: string | undefined;
}

/** Permission to send a login now. The first call settles it; later calls do nothing. */
export interface LoginTurn {
  /** @param skewMs of a token: the camera's clock minus ours, used for the token */
  accepted(scheme?: LoginScheme, skewMs?: number): void;
  /** @param scheme the rejected scheme, for `LoginMemory.refusedSchemes` */
  refused(scheme?: string): void;
  /** The reply says nothing about the login, or the login never reached the camera. */
  end(): void;
  /** No reply will come, but the camera may have rejected the login: the next one may be sent, and this one counts for a while. */
  lost(): void;
  /** The reply may take a minute: others do not wait for it. */
  detach(): void;
}

export interface TurnOptions {
  readonly isInteractive?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Waiter {
  readonly key: LoginKey;
  readonly channel: string;
  readonly isInteractive: boolean;
  go(turn: LoginTurn): void;
  fail(error: unknown): void;
}

interface LoginEntry {
  readonly verdict: LoginVerdict;
  readonly waiters: Waiter[];
  /** Wakes waiters at the end of a time limit. */
  alarm: AbortController | undefined;
}

/** HMAC under a key of this box. */
export type KeyedHash = (text: string) => string;

/**
 * Verdicts on logins: one for each host, user and password, over all channels, services and sessions. An unknown login goes ahead alone;
 * the others wait for its verdict, then go together or are rejected without a try. Bounded: the least recently used is forgotten first.
 */
export class LoginMemory {
  readonly #clock: Pick<Clock, 'monoMs' | 'sleep'>;
  readonly #logins = new Map<string, LoginEntry>();
  readonly #acceptedAtMs = new Map<string, number>();
  readonly #lockedUntilMs = new Map<string, number>();
  readonly #schemes = new Map<string, LoginScheme>();
  #hash: KeyedHash;
  readonly #listeners = new Set<() => void>();
  #readOthers: (() => Promise<void>) | undefined;

  constructor(clock: Pick<Clock, 'monoMs' | 'sleep'>) {
    this.#clock = clock;
    const secret = randomBytes(32);
    this.#hash = (text) => createHmac('sha256', secret).update(text).digest('base64url');
  }

  /** Calls the listener for every change that the next run needs. @returns a function that ends this */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param read adopts what other processes have stored; called before a login that may be wrong is sent. Must not reject */
  readBefore(read: (() => Promise<void>) | undefined): void {
    this.#readOthers = read;
  }

  #changed(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }

  /**
   * Waits until the login may be sent; required before every request with a login.
   * @throws PerchError wrongPassword, lockedOut, with `waitMs`; unavailable when `signal` aborts
   */
  turn(key: LoginKey, { isInteractive = false, signal }: TurnOptions = {}): Promise<LoginTurn> {
    const held = this.#open(key);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        held.waiters.splice(held.waiters.indexOf(waiter), 1);
        reject(new PerchError('unavailable', 'the caller stopped waiting for the login'));
      };
      const once =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          signal?.removeEventListener('abort', leave);
          settle(value);
        };
      const channel = this.#channelOf(key);
      const waiter: Waiter = { key, isInteractive, channel, go: once(resolve), fail: once(reject) };
      held.waiters.push(waiter);
      if (signal?.aborted) {
        leave();
        return;
      }
      signal?.addEventListener('abort', leave, { once: true });
      const isSure = held.verdict.isGood && held.verdict.recent(this.#clock.monoMs()).length === 0;
      const read = isSure ? undefined : this.#readOthers;
      if (read) {
        void read().then(() => this.#wake(held));
      } else {
        this.#wake(held);
      }
    });
  }

  /** A rejection without a turn: within a session that had been accepted. */
  refused(key: LoginKey, scheme?: string): void {
    const held = this.#open(key);
    const one = { channel: this.#channelOf(key), account: this.#accountOf(key), atMs: this.#clock.monoMs() };
    this.#refused(held.verdict, one, scheme);
    this.#wake(held);
  }

  /** A session starts or stops playing: several may share a login. */
  plays(key: LoginKey, isPlaying: boolean): void {
    this.#open(key).verdict.plays(this.#channelOf(key), isPlaying);
  }

  /** Whether the login may be sent, now or after others. @throws PerchError as `turn` */
  check(key: LoginKey, isInteractive: boolean): void {
    const verdict = this.#verdictOf(key);
    const admission = this.#admit(verdict ?? new LoginVerdict(), key, isInteractive);
    if (admission.kind === 'no') {
      throw this.#refusal(admission, verdict, key);
    }
  }

  mayTry(key: LoginKey, isInteractive: boolean): boolean {
    try {
      this.check(key, isInteractive);
      return true;
    } catch {
      return false;
    }
  }

  /** Whether the login was accepted, and no login of this account was rejected since. */
  isAccepted(key: LoginKey): boolean {
    return this.#verdictOf(key)?.isGood === true && this.#refusalsOf(this.#accountOf(key)).length === 0;
  }

  /** Whether the login was rejected twice, so that it is not sent for now. */
  isWrong(key: LoginKey): boolean {
    return this.#verdictOf(key)?.isWrong(this.#clock.monoMs()) === true;
  }

  /** Schemes rejected since this login was last accepted. */
  refusedSchemes(key: LoginKey): ReadonlySet<string> {
    return this.#open(key).verdict.refusedSchemes;
  }

  /** How many wrong passwords remain before no login is tried. */
  triesLeft(key: LoginKey): number {
    return Math.max(0, MAX_REFUSALS_IN_ALL - this.#refusalsOf(this.#accountOf(key)).length);
  }

  /** Records the cause of the last rejection, reported for as long as this password is not tried. */
  setRefusalCause(key: LoginKey, cause: RefusalCause): void {
    this.#open(key).verdict.refusalCause = cause;
  }

  refusalCauseOf(key: LoginKey): RefusalCause | undefined {
    return this.#verdictOf(key)?.refusalCause;
  }

  locked(key: LoginKey, forMs: number | undefined): Error {
    const waitMs = forMs ?? LOCK_MS;
    putBounded(this.#lockedUntilMs, this.#lockOf(key), this.#clock.monoMs() + waitMs, MAX_ENTRIES);
    this.#changed();
    return lockedOut(waitMs, { host: key.camera, isStated: forMs !== undefined });
  }

  schemeOf(key: LoginKey): LoginScheme | undefined {
    return this.#schemes.get(this.#accountOf(key));
  }

  /** Notes how the camera accepts logins, also before one was accepted: a camera may turn out not to know tokens. */
  learn(key: LoginKey, scheme: LoginScheme): void {
    putBounded(this.#schemes, this.#accountOf(key), scheme, MAX_ENTRIES);
  }

  /** The camera's clock minus ours when it last accepted a token of this login. */
  skewOf(key: LoginKey): number | undefined {
    return this.#verdictOf(key)?.skewMs;
  }

  /** What the next run needs, with keyed hashes instead of hosts, users and passwords. */
  store(): StoredLogins {
    const nowMs = this.#clock.monoMs();
    const locks = [...this.#lockedUntilMs].filter(([, untilMs]) => untilMs > nowMs);
    return {
      logins: [...this.#logins].flatMap(([id, { verdict }]) => verdict.store(id, nowMs) ?? []),
      locks: locks.map(([id, untilMs]) => ({ id, leftMs: untilMs - nowMs })),
    };
  }

  /** Restores the state of an earlier run with its key. */
  restore(hash: KeyedHash, stored: StoredLogins): void {
    this.#hash = hash;
    this.adopt(stored);
  }

  /** Adds logins, rejections and locks that are not known here: another process may have stored them since. */
  adopt({ logins, locks }: StoredLogins): void {
    const nowMs = this.#clock.monoMs();
    for (const kept of logins) {
      const known = this.#logins.get(kept.id);
      if (known) {
        known.verdict.adopt(kept, nowMs);
      } else {
        const entry = { verdict: LoginVerdict.restore(kept, nowMs), waiters: [], alarm: undefined };
        putBounded(this.#logins, kept.id, entry, MAX_ENTRIES);
      }
    }
    for (const { id, leftMs } of locks) {
      const untilMs = Math.max(this.#lockedUntilMs.get(id) ?? 0, nowMs + leftMs);
      putBounded(this.#lockedUntilMs, id, untilMs, MAX_ENTRIES);
    }
  }

  /** Admits or rejects each waiter that has a verdict; the others keep waiting. */
  #wake(held: LoginEntry): void {
    held.alarm?.abort();
    held.alarm = undefined;
    const { verdict, waiters } = held;
    let untilMs = Number.POSITIVE_INFINITY;
    for (const waiter of this.#inOrder(held)) {
      const admission = this.#admit(verdict, waiter.key, waiter.isInteractive);
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
      void this.#clock.sleep(Math.max(0, untilMs - this.#clock.monoMs()), alarm.signal).then(() => {
        if (!alarm.signal.aborted) {
          this.#wake(held);
        }
      });
    }
  }

  /** Channels that were accepted before go first; the channel of the last rejection goes last, so another one is tried. */
  #inOrder({ verdict, waiters }: LoginEntry): readonly Waiter[] {
    const rankOf = ({ channel }: Waiter): number =>
      (verdict.proven.has(channel) ? 0 : 1) + (verdict.refusals.some((one) => one.channel === channel) ? 2 : 0);
    return waiters.toSorted((a, b) => rankOf(a) - rankOf(b));
  }

  #begin(held: LoginEntry, { key, channel }: Waiter): LoginTurn {
    const { verdict } = held;
    const begun = verdict.begin(channel, this.#accountOf(key), this.#clock.monoMs());
    let isOver = false;
    const settle = (record: () => void): void => {
      if (!isOver) {
        isOver = true;
        verdict.end(begun);
        record();
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

  #accepted(verdict: LoginVerdict, key: LoginKey, one: PendingLogin, scheme?: LoginScheme, skewMs?: number): void {
    putBounded(this.#acceptedAtMs, one.account, this.#clock.monoMs(), MAX_ENTRIES);
    if (scheme) {
      this.learn(key, scheme);
    }
    if (key.channel === undefined) {
      verdict.refusalCause = undefined;
    }
    if (verdict.accepted(one, this.#clock.monoMs(), skewMs)) {
      this.#changed();
    }
  }

  #refused(verdict: LoginVerdict, one: LoginUse, scheme: string | undefined): void {
    verdict.refused(one, this.#clock.monoMs());
    if (scheme !== undefined) {
      verdict.refusedSchemes.add(scheme);
    }
    this.#changed();
  }

  #admit(verdict: LoginVerdict, key: LoginKey, isInteractive: boolean): Admission {
    const nowMs = this.#clock.monoMs();
    const lockedUntilMs = this.#lockedUntilMs.get(this.#lockOf(key)) ?? 0;
    if (lockedUntilMs > nowMs) {
      return { kind: 'no', untilMs: lockedUntilMs, why: 'lock' };
    }
    const account = this.#accountOf(key);
    const max = isInteractive ? MAX_REFUSALS_IN_ALL : MAX_REFUSALS_OF_ACCOUNT;
    const admission = verdict.admit(this.#channelOf(key), nowMs);
    const refusedAtMs = this.#refusalsOf(account);
    if (verdict.isGood || admission.kind !== 'go' || refusedAtMs.length + this.#pendingOf(account) < max) {
      return admission;
    }
    if (refusedAtMs.length < max) {
      return { kind: 'wait', untilMs: nowMs + UNANSWERED_MS };
    }
    return { kind: 'no', untilMs: Math.max(nowMs + 1, Math.min(...refusedAtMs) + LOCK_MS), why: 'count' };
  }

  /** Repeats the reason of the first rejection. */
  #refusal({ untilMs, why }: Admission & { kind: 'no' }, verdict: LoginVerdict | undefined, key: LoginKey): Error {
    const waitMs = untilMs - this.#clock.monoMs();
    const cause = key.channel === undefined || why === 'wrong' ? verdict?.refusalCause : undefined;
    const times = this.#refusalsOf(this.#accountOf(key)).length;
    return notShown(why, { cause, times, waitMs }, { host: key.camera, waitMs, isRemembered: true });
  }

  /** When this account was rejected, over all passwords, since one was accepted. */
  #refusalsOf(account: string): readonly number[] {
    const nowMs = this.#clock.monoMs();
    const acceptedAtMs = this.#acceptedAtMs.get(account) ?? Number.NEGATIVE_INFINITY;
    return [...this.#logins.values()]
      .flatMap(({ verdict }) => verdict.recent(nowMs))
      .filter((one) => one.account === account && one.atMs > acceptedAtMs)
      .map(({ atMs }) => atMs);
  }

  #pendingOf(account: string): number {
    const nowMs = this.#clock.monoMs();
    const unknown = [...this.#logins.values()].filter(({ verdict }) => !verdict.isGood);
    return unknown.flatMap(({ verdict }) => verdict.pending(nowMs)).filter((one) => one.account === account).length;
  }

  #open(key: LoginKey): LoginEntry {
    const id = this.#idOf(key);
    const held = this.#logins.get(id) ?? { verdict: new LoginVerdict(), waiters: [], alarm: undefined };
    const isNeeded = ({ verdict, waiters }: LoginEntry) => waiters.length > 0 || !verdict.isIdle;
    putBounded(this.#logins, id, held, MAX_ENTRIES, isNeeded);
    return held;
  }

  #verdictOf(key: LoginKey): LoginVerdict | undefined {
    return this.#logins.get(this.#idOf(key))?.verdict;
  }

  #idOf({ camera, host = hostOf(camera), user, password }: LoginKey): string {
    return this.#hash(JSON.stringify(['login', host.toLowerCase(), user, password]));
  }

  #accountOf({ camera, user }: LoginKey): string {
    return this.#hash(JSON.stringify(['account', camera.toLowerCase(), user]));
  }

  #channelOf({ camera, channel = 'onvif' }: LoginKey): string {
    return this.#hash(JSON.stringify(['channel', camera.toLowerCase(), channel])).slice(0, CHANNEL_CHARS);
  }

  /** Key of a lock: each service of a camera locks separately. */
  #lockOf({ camera, user, channel = 'onvif' }: LoginKey): string {
    return this.#hash(JSON.stringify(['lock', camera.toLowerCase(), user, channel]));
  }
}

/** The memory that all logins to cameras share, those for snapshots included. */
export const sharedLogins = new LoginMemory(systemClock);

/** Host without port, brackets and zone. */
const hostOf = (camera: string): string => camera.replace(/:\d+$/, '').replace(/^\[|%[^\]]*|\]$/g, '');
