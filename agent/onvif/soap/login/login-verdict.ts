/** Cameras lock an account, or the client's address, after 5 to 7 rejections, for 5 to 30 minutes. */
const MAX_REFUSALS = 2;
export const FORGET_AFTER_MS = 30 * 60_000;
/** After this long without a reply the next login may go. */
const TURN_MS = 5_000;
/** Until then an unanswered login may still be rejected. */
const UNANSWERED_MS = 10_000;
/**
 * Head start of the first of many uses of a known good login, so that not all of them send a password that was changed. Cameras may take
 * seconds to describe a stream; they reject a password at once.
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
/** Clocks drift: a smaller change is not saved. */
const SAME_CLOCK_MS = 60_000;
/** A clock without a battery says 1970. More is not a time, and no valid date once ours is added (ECMA-262 §21.4.1.1). */
export const MAX_SKEW_MS = 100 * 366 * 86_400_000;

/** The cause of a rejection, if it is not just a wrong password. */
export type RefusalCause = 'onvifUser' | 'clock';

interface Refusal {
  readonly channel: string;
  /** The account that cameras lock, counted over all passwords. */
  readonly account: string;
  /** Monotonic. */
  readonly atMs: number;
}

/** A login whose reply is pending. */
export interface PendingLogin {
  readonly channel: string;
  readonly account: string;
  readonly atMs: number;
  /** How long others wait for the reply. */
  readonly aheadMs: number;
  /** Others wait for the reply. */
  hasTurn: boolean;
}

/** Of a channel that alone rejects a good login. */
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
  readonly playing = new Map<string, number>();
  readonly pauses = new Map<string, Pause>();
  /** Rejected schemes: the second try uses another one if the camera offers one. */
  readonly refusedSchemes = new Set<string>();
  readonly #pending = new Set<PendingLogin>();
  #acceptedAtMs = Number.NEGATIVE_INFINITY;

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
  accepted({ channel }: Pick<PendingLogin, 'channel'>, nowMs: number, skewMs?: number): boolean {
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
    for (const oldest of this.proven) {
      if (this.proven.size <= MAX_CHANNELS) {
        break;
      }
      this.proven.delete(oldest);
    }
    return isChange;
  }

  refused({ channel, account, atMs }: Pick<PendingLogin, 'channel' | 'account' | 'atMs'>, nowMs: number): void {
    // If another channel has just accepted it, the password is correct and this channel lacks the right.
    if (!this.isGood || !this.#isFresh(atMs)) {
      this.refusals = [...this.recent(nowMs), { channel, account, atMs: nowMs }].slice(-MAX_CHANNELS);
    }
    if (this.isWrong(nowMs)) {
      this.isGood = false;
      this.pauses.clear();
    }
    if (this.isGood) {
      this.#pause(channel, nowMs);
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
      return this.#behind(nowMs) ?? GO;
    }
    return this.#mayDecide(channel, refusal) ? this.#inTurn(nowMs) : this.#inDoubt(nowMs);
  }

  /** The try after a rejection decides for all: reserved for another channel that has accepted the login while one plays. */
  #mayDecide(channel: string, refusal: Refusal): boolean {
    const isOther = refusal.channel !== channel;
    return this.proven.has(channel) && (isOther || [...this.playing.keys()].every((one) => one === channel));
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
