import { randomUUID } from 'node:crypto';

/** Maximum number of rejections of a login. Cameras lock an account, or the client's address, after 5 to 7 of them, for 5 to 30 minutes. */
const MAX_REFUSALS = 2;
const FORGET_AFTER_MS = 30 * 60_000;
/** After this long without a reply the next login may be sent. */
const TURN_MS = 5_000;
/** After that time this many uses of a known good login may be under way without an answer: each may be rejected. */
const MAX_UNANSWERED = 4;
/** Time within which an unanswered login may still be rejected. */
export const UNANSWERED_MS = 10_000;
/**
 * Head start of the first of many uses of a known good login before the second, so that not both of them send a password that was changed.
 * Cameras may take seconds to describe a stream; most reject a password at once.
 */
const HEAD_START_MS = 600;
/** A login accepted within this time has not been changed. Shorter than the shortest pause before a reconnect (0.8 s). */
const FRESH_MS = 700;
/** Pause of a channel that rejects a login which others accept; the second pause is `FORGET_AFTER_MS`. */
const CHANNEL_PAUSE_MS = 10 * 60_000;
/** Shorter pause of a channel that has accepted the login before: it may only be starting. */
const PROVEN_PAUSE_MS = 60_000;
/** Retry time of a channel that may not try the login: another channel may be accepted meanwhile. */
const DOUBT_MS = 60_000;
const MAX_CHANNELS = 256;
const MAX_STORED_LOGINS = 1_024;
/** Clocks drift: a smaller change is not saved. */
const SAME_CLOCK_MS = 60_000;
/** A clock without a battery is at 1970. A larger skew is no time, and added to ours would give no valid date (ECMA-262 §21.4.1.1). */
export const MAX_SKEW_MS = 100 * 366 * 86_400_000;

/** The cause of a rejection, if it is not just a wrong password. */
export type RefusalCause = 'onvifUser' | 'clock';

/** One use of the login, or its rejection. */
export interface LoginUse {
  readonly channel: string;
  /** The account that cameras lock, counted over all passwords. */
  readonly account: string;
  /** Monotonic time of the use. */
  readonly atMs: number;
}

/** A rejected use. */
interface Refusal extends LoginUse {
  /** Tells it from others where two processes store theirs. */
  readonly id: string;
}

/** A login whose reply is pending. */
export interface PendingLogin extends LoginUse {
  /** How long others wait for the reply. */
  readonly aheadMs: number;
  /** Whether others wait for the reply. */
  hasTurn: boolean;
}

/** Pause of a channel that alone rejects a good login. */
interface Pause {
  readonly times: number;
  readonly untilMs: number;
}

/**
 * Why a login is not sent: the camera has locked the account (`lock`); it was rejected twice (`wrong`), or too many passwords were
 * (`count`); this channel alone rejects it (`channel`); another channel has just rejected it and decides with its next try (`doubt`).
 */
export type DenialReason = 'lock' | 'wrong' | 'count' | 'channel' | 'doubt';

/** `wait`: until `untilMs` or another change. `no`: not sent before `untilMs`. */
export type Admission =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'no'; readonly untilMs: number; readonly why: DenialReason };

const GO: Admission = { kind: 'go' };

interface StoredRefusal {
  readonly id: string;
  readonly channel: string;
  readonly account: string;
  readonly agoMs: number;
}

/** One login for the next run: `id`, channels and accounts are keyed hashes. */
interface StoredLogin {
  readonly id: string;
  readonly isGood: boolean;
  readonly skewMs?: number | undefined;
  readonly proven: readonly string[];
  readonly refusals: readonly StoredRefusal[];
  readonly pauses: readonly { readonly channel: string; readonly times: number; readonly leftMs: number }[];
}

export interface StoredLogins {
  readonly logins: readonly StoredLogin[];
  readonly locks: readonly { readonly id: string; readonly leftMs: number }[];
}

/**
 * The state of one user and password at one host: unknown, good (accepted in this or an earlier run, and not rejected twice since) or
 * wrong (rejected twice within half an hour). All times are monotonic milliseconds.
 */
export class LoginVerdict {
  isGood = false;
  refusalCause: RefusalCause | undefined;
  /** The camera's clock minus ours when it last accepted a token, which carries its time. */
  skewMs: number | undefined;
  /** Since it was last accepted. */
  refusals: readonly Refusal[] = [];
  /** Channels that have accepted it. */
  readonly proven = new Set<string>();
  /** Sessions that play, by channel. */
  readonly #playing = new Map<string, number>();
  readonly pauses = new Map<string, Pause>();
  /** Rejected schemes: the second try uses another one if the camera offers one. */
  readonly refusedSchemes = new Set<string>();
  readonly #pending = new Set<PendingLogin>();
  #acceptedAtMs = Number.NEGATIVE_INFINITY;

  static restore({ isGood, skewMs, proven, refusals, pauses }: StoredLogin, nowMs: number): LoginVerdict {
    const verdict = new LoginVerdict();
    verdict.isGood = isGood;
    verdict.skewMs = skewMs;
    verdict.refusals = refusalsAt(refusals, nowMs);
    for (const channel of proven) {
      verdict.proven.add(channel);
    }
    for (const { channel, times, leftMs } of pauses) {
      verdict.pauses.set(channel, { times, untilMs: nowMs + leftMs });
    }
    return verdict;
  }

  store(id: string, nowMs: number): StoredLogin | undefined {
    const { isGood, skewMs } = this;
    const refusals = this.recent(nowMs);
    const pauses = [...this.pauses].filter(([, { untilMs }]) => untilMs > nowMs);
    return isGood || refusals.length > 0
      ? {
          id,
          isGood,
          skewMs,
          proven: [...this.proven],
          refusals: refusals.map(({ id: refusal, channel, account, atMs }) => ({
            ...{ id: refusal, channel, account },
            agoMs: nowMs - atMs,
          })),
          pauses: pauses.map(([channel, { times, untilMs }]) => ({ channel, times, leftMs: untilMs - nowMs })),
        }
      : undefined;
  }

  /** Adds the rejections that another process has stored since. */
  adopt({ refusals }: StoredLogin, nowMs: number): void {
    const known = new Set(this.refusals.map(({ id }) => id));
    const others = refusalsAt(refusals, nowMs).filter(({ id, atMs }) => !known.has(id) && atMs > this.#acceptedAtMs);
    if (others.length > 0) {
      this.refusals = [...this.refusals, ...others].toSorted((a, b) => a.atMs - b.atMs).slice(-MAX_CHANNELS);
      this.#condemn(nowMs);
    }
  }

  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  /** Rejections within the last half hour. */
  recent(nowMs: number): readonly Refusal[] {
    return this.refusals.filter(({ atMs }) => nowMs - atMs < FORGET_AFTER_MS);
  }

  pending(nowMs: number): readonly PendingLogin[] {
    for (const one of this.#pending) {
      if (nowMs - one.atMs >= UNANSWERED_MS) {
        this.#pending.delete(one);
      }
    }
    return [...this.#pending];
  }

  isWrong(nowMs: number): boolean {
    return this.recent(nowMs).length >= MAX_REFUSALS;
  }

  admit(channel: string, nowMs: number): Admission {
    const condemning = this.recent(nowMs).at(-MAX_REFUSALS);
    if (condemning) {
      return { kind: 'no', untilMs: condemning.atMs + FORGET_AFTER_MS, why: 'wrong' };
    }
    return this.isGood ? this.#admitGood(channel, nowMs) : this.#inTurn(nowMs);
  }

  begin(channel: string, account: string, nowMs: number): PendingLogin {
    const isSure = this.isGood && this.recent(nowMs).length === 0;
    const aheadMs = isSure ? HEAD_START_MS : TURN_MS;
    // Several that go together, after one was accepted or timed out, do not wait for each other.
    const isOneOfAll = isSure && (this.#isFresh(nowMs) || this.pending(nowMs).some(({ hasTurn }) => hasTurn));
    const begun = { channel, account, atMs: nowMs, aheadMs, hasTurn: !isOneOfAll };
    this.#pending.add(begun);
    return begun;
  }

  #isFresh(atMs: number): boolean {
    return atMs - this.#acceptedAtMs < FRESH_MS;
  }

  /** The reply came, or the login never reached the camera. */
  end(one: PendingLogin): void {
    this.#pending.delete(one);
  }

  /** @returns whether the stored state changes */
  accepted({ channel }: PendingLogin, nowMs: number, skewMs?: number): boolean {
    const hasClockMoved = skewMs !== undefined && !(Math.abs(skewMs - (this.skewMs ?? Number.NaN)) < SAME_CLOCK_MS);
    if (hasClockMoved) {
      this.skewMs = skewMs;
    }
    const isKnown = this.isGood && this.proven.has(channel) && this.refusals.length === 0 && !this.pauses.has(channel);
    const isChange = !isKnown || hasClockMoved;
    this.isGood = true;
    this.#acceptedAtMs = nowMs;
    this.refusals = [];
    for (const other of this.#pending) {
      other.hasTurn = false;
    }
    this.refusedSchemes.clear();
    this.pauses.delete(channel);
    this.proven.delete(channel);
    this.proven.add(channel);
    const [oldest = ''] = this.proven;
    if (this.proven.size > MAX_CHANNELS) {
      this.proven.delete(oldest);
    }
    return isChange;
  }

  /** @param atMs when it was sent */
  refused({ channel, account, atMs }: LoginUse, nowMs: number): void {
    // If another channel has just accepted it, the password is correct and this channel lacks the right.
    if (!this.isGood || !this.#isFresh(atMs)) {
      const refusal = { id: randomUUID(), channel, account, atMs: nowMs };
      this.refusals = [...this.recent(nowMs), refusal].slice(-MAX_CHANNELS);
    }
    this.#condemn(nowMs);
    if (this.isGood) {
      this.#pause(channel, nowMs);
    }
  }

  #condemn(nowMs: number): void {
    if (this.isWrong(nowMs)) {
      this.isGood = false;
      this.pauses.clear();
    }
  }

  /** Counts the sessions of a channel that play: several may share a login. */
  plays(channel: string, isPlaying: boolean): void {
    const count = (this.#playing.get(channel) ?? 0) + (isPlaying ? 1 : -1);
    this.#playing.set(channel, count);
    if (count <= 0) {
      this.#playing.delete(channel);
    }
  }

  #pause(channel: string, nowMs: number): void {
    const times = Math.min((this.pauses.get(channel)?.times ?? 0) + 1, MAX_REFUSALS);
    const firstMs = this.proven.has(channel) ? PROVEN_PAUSE_MS : CHANNEL_PAUSE_MS;
    this.pauses.set(channel, { times, untilMs: nowMs + (times >= MAX_REFUSALS ? FORGET_AFTER_MS : firstMs) });
  }

  #admitGood(channel: string, nowMs: number): Admission {
    const pause = this.pauses.get(channel);
    if (pause && pause.untilMs > nowMs) {
      return { kind: 'no', untilMs: pause.untilMs, why: 'channel' };
    }
    const [refusal] = this.recent(nowMs);
    if (!refusal) {
      return this.#behind(nowMs) ?? this.#unanswered(nowMs) ?? GO;
    }
    return this.#mayDecide(channel, refusal) ? this.#inTurn(nowMs) : this.#inDoubt(nowMs);
  }

  /** A camera that is slow to reject a password that was changed does not get it from all channels. */
  #unanswered(nowMs: number): Admission | undefined {
    const sent = this.pending(nowMs).filter(({ atMs }) => !this.#isFresh(atMs));
    const [oldest] = sent;
    if (!oldest) {
      return undefined;
    }
    const isSlow = nowMs - oldest.atMs >= TURN_MS;
    return sent.length >= (isSlow ? MAX_UNANSWERED : MAX_REFUSALS)
      ? { kind: 'wait', untilMs: oldest.atMs + (isSlow ? UNANSWERED_MS : TURN_MS) }
      : undefined;
  }

  /** The try after a rejection decides for all: reserved for another channel that has accepted the login while one plays. */
  #mayDecide(channel: string, refusal: LoginUse): boolean {
    const isOther = refusal.channel !== channel;
    return this.proven.has(channel) && (isOther || [...this.#playing.keys()].every((one) => one === channel));
  }

  #inDoubt(nowMs: number): Admission {
    const [oldest] = this.pending(nowMs);
    return oldest
      ? { kind: 'wait', untilMs: oldest.atMs + UNANSWERED_MS }
      : { kind: 'no', untilMs: nowMs + DOUBT_MS, why: 'doubt' };
  }

  /** One at a time, and never more than may be rejected. */
  #inTurn(nowMs: number): Admission {
    const ahead = this.#behind(nowMs);
    if (ahead) {
      return ahead;
    }
    const pending = this.pending(nowMs);
    const [oldest] = pending;
    return oldest && this.recent(nowMs).length + pending.length >= MAX_REFUSALS
      ? { kind: 'wait', untilMs: oldest.atMs + UNANSWERED_MS }
      : GO;
  }

  #behind(nowMs: number): Admission | undefined {
    const ahead = this.pending(nowMs).findLast(({ hasTurn, atMs, aheadMs }) => hasTurn && nowMs - atMs < aheadMs);
    return ahead && { kind: 'wait', untilMs: ahead.atMs + ahead.aheadMs };
  }
}

const refusalsAt = (refusals: StoredLogin['refusals'], nowMs: number): Refusal[] =>
  refusals.map(({ id, channel, account, agoMs }) => ({ id, channel, account, atMs: nowMs - agoMs }));

/**
 * Invalid entries are dropped.
 * @param sinceMs age of the file; at least 0, so a clock that was set back extends nothing
 */
export function parseLogins(content: unknown, sinceMs: number): StoredLogins {
  const { logins, locks } = fieldsOf(content);
  return {
    logins: listOf(logins, MAX_STORED_LOGINS).flatMap((one) => parseLogin(fieldsOf(one), sinceMs)),
    locks: listOf(locks, MAX_STORED_LOGINS).flatMap((one) => {
      const { id, leftMs } = fieldsOf(one);
      return isHash(id) && isNumber(leftMs) ? [{ id, leftMs: between(leftMs - sinceMs, 0, 24 * 3_600_000) }] : [];
    }),
  };
}

function parseLogin({ id, isGood, skewMs, ...lists }: Record<string, unknown>, sinceMs: number): StoredLogin[] {
  if (!isHash(id)) {
    return [];
  }
  const { proven, refusals, pauses } = lists;
  return [
    {
      id,
      isGood: isGood === true,
      skewMs: isNumber(skewMs) ? between(skewMs, -MAX_SKEW_MS, MAX_SKEW_MS) : undefined,
      proven: listOf(proven, MAX_CHANNELS).filter(isHash),
      refusals: listOf(refusals, MAX_CHANNELS).flatMap((one) => {
        const { id: refusal, channel, account, agoMs } = fieldsOf(one);
        return isHash(refusal) && isHash(channel) && isHash(account) && isNumber(agoMs)
          ? [{ id: refusal, channel, account, agoMs: between(agoMs + sinceMs, 0, FORGET_AFTER_MS) }]
          : [];
      }),
      pauses: listOf(pauses, MAX_CHANNELS).flatMap((one) => {
        const { channel, times, leftMs } = fieldsOf(one);
        return isHash(channel) && isNumber(times) && isNumber(leftMs)
          ? [{ channel, times: between(times, 0, 100), leftMs: between(leftMs - sinceMs, 0, FORGET_AFTER_MS) }]
          : [];
      }),
    },
  ];
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const listOf = (value: unknown, max: number): unknown[] => (Array.isArray(value) ? value.slice(0, max) : []);
const isHash = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length <= 64;
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const between = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));
