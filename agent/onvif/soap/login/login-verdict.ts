/** Cameras lock an account, or the address that asks, after 5 to 7 refusals, for 5 to 30 minutes. */
export const MAX_REFUSALS = 2;
export const FORGET_AFTER_MS = 30 * 60_000;
/** A login without an answer lets the next one go after so long. */
const TURN_MS = 5_000;
/** A login without an answer may still be refused until then. */
const UNANSWERED_MS = 10_000;
/**
 * Of a login that is known to be good the first of many goes ahead for so long, so that a password that was changed is not shown by all.
 * Cameras may take seconds to describe a stream; they refuse a password at once.
 */
const HEAD_START_MS = 600;
/** One that was taken so short a time ago has not been changed since. Less than the shortest pause before a connection is made anew (0.8 s). */
const FRESH_MS = 700;
/** A channel that refuses a login which others take is asked again after so long; the second time after `FORGET_AFTER_MS`. */
const CHANNEL_PAUSE_MS = 10 * 60_000;
/** One that has taken it before may only be starting. */
const PROVEN_PAUSE_MS = 60_000;
/** Before a channel that may not try the login asks for it again: another may have been let in meanwhile. */
const DOUBT_MS = 60_000;
const MAX_CHANNELS = 256;
/** Clocks drift: what has changed by less is not written to the disk each time. */
const SAME_CLOCK_MS = 60_000;

/** What a refusal was found to mean, where it is not just a wrong password. */
export type LoginFinding = 'onvifUser' | 'clock';

/** One time that a camera refused a login. */
export interface Refusal {
  readonly channel: string;
  /** The account that cameras lock: it is counted over all passwords. */
  readonly account: string;
  /** Monotonic. */
  readonly atMs: number;
}

/** A login on its way to a camera. */
export interface Try {
  readonly channel: string;
  readonly account: string;
  readonly atMs: number;
  /** Others wait for its answer for so long. */
  readonly aheadMs: number;
  /** Others wait for its answer. */
  hasTurn: boolean;
}

/** A channel that alone refuses a good login. */
export interface Pause {
  readonly times: number;
  readonly untilMs: number;
}

/**
 * Why a login is not shown: the camera has locked the account (`lock`); it was refused twice (`wrong`), or too many passwords were (`count`);
 * this channel alone refuses it (`channel`); another one has just refused it, and the next try is not this one's (`doubt`).
 */
export type Bar = 'lock' | 'wrong' | 'count' | 'channel' | 'doubt';

/** `go`: it may be shown. `wait`: until then, or until something else changes. `no`: it is not shown before `untilMs`. */
export type Admission =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'no'; readonly untilMs: number; readonly why: Bar };

const GO: Admission = { kind: 'go' };

/**
 * What is known of one user and password at one host. It is unknown, good (taken in this run or an earlier one, and not condemned since)
 * or wrong (refused twice within half an hour). All times are monotonic milliseconds.
 */
export class LoginVerdict {
  isGood = false;
  finding: LoginFinding | undefined;
  /** The camera's clock minus ours when it last took a token, which has its time. */
  skewMs: number | undefined;
  /** Since it was last taken. */
  refusals: readonly Refusal[] = [];
  /** Channels that have taken it. */
  readonly proven = new Set<string>();
  /** Channels that play now. */
  readonly playing = new Set<string>();
  readonly pauses = new Map<string, Pause>();
  /** Kinds of answers that were refused: the second try is of another kind where the camera offers one. */
  readonly refusedSchemes = new Set<string>();
  readonly #out = new Set<Try>();
  #takenAtMs = Number.NEGATIVE_INFINITY;

  get isIdle(): boolean {
    return this.#out.size === 0;
  }

  /** Refused since it was last taken. */
  recent(nowMs: number): readonly Refusal[] {
    return this.refusals.filter(({ atMs }) => nowMs - atMs < FORGET_AFTER_MS);
  }

  out(nowMs: number): readonly Try[] {
    for (const one of this.#out) {
      if (nowMs - one.atMs >= UNANSWERED_MS) {
        this.#out.delete(one);
      }
    }
    return [...this.#out];
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

  begin(channel: string, account: string, nowMs: number): Try {
    const isSure = this.isGood && this.recent(nowMs).length === 0;
    const aheadMs = isSure ? HEAD_START_MS : TURN_MS;
    // Of those that go together, behind one that was taken or that has no answer in time, none waits for the next.
    const isOneOfAll = isSure && (this.#isFresh(nowMs) || this.out(nowMs).some(({ hasTurn }) => hasTurn));
    const begun = { channel, account, atMs: nowMs, aheadMs, hasTurn: !isOneOfAll };
    this.#out.add(begun);
    return begun;
  }

  #isFresh(atMs: number): boolean {
    return atMs - this.#takenAtMs < FRESH_MS;
  }

  /** It was answered, or never came to the camera. */
  end(one: Try): void {
    this.#out.delete(one);
  }

  /** @returns whether that is news */
  accepted({ channel }: Pick<Try, 'channel'>, nowMs: number, skewMs?: number): boolean {
    const hasClockMoved = skewMs !== undefined && !(Math.abs(skewMs - (this.skewMs ?? Number.NaN)) < SAME_CLOCK_MS);
    if (hasClockMoved) {
      this.skewMs = skewMs;
    }
    const isKnown = this.isGood && this.proven.has(channel) && this.refusals.length === 0 && !this.pauses.has(channel);
    const isNews = !isKnown || hasClockMoved;
    this.isGood = true;
    this.#takenAtMs = nowMs;
    this.refusals = [];
    for (const other of this.#out) {
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
    return isNews;
  }

  refused({ channel, account, atMs }: Pick<Try, 'channel' | 'account' | 'atMs'>, nowMs: number): void {
    // Where another has just taken it, the password is right and the channel has no right to it.
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

  /** The try after a refusal decides for all: it is kept for another channel that has taken the login, as long as one plays. */
  #mayDecide(channel: string, refusal: Refusal): boolean {
    const isOther = refusal.channel !== channel;
    return this.proven.has(channel) && (isOther || [...this.playing].every((one) => one === channel));
  }

  #inDoubt(nowMs: number): Admission {
    const [oldest] = this.out(nowMs);
    return oldest
      ? { kind: 'wait', untilMs: oldest.atMs + UNANSWERED_MS }
      : { kind: 'no', untilMs: nowMs + DOUBT_MS, why: 'doubt' };
  }

  /** One at a time, and no more than may be refused. */
  #inTurn(nowMs: number): Admission {
    const ahead = this.#behind(nowMs);
    if (ahead) {
      return ahead;
    }
    const out = this.out(nowMs);
    const [oldest] = out;
    return oldest && this.recent(nowMs).length + out.length >= MAX_REFUSALS
      ? { kind: 'wait', untilMs: oldest.atMs + UNANSWERED_MS }
      : GO;
  }

  #behind(nowMs: number): Admission | undefined {
    const ahead = this.out(nowMs).findLast(({ hasTurn, atMs, aheadMs }) => hasTurn && nowMs - atMs < aheadMs);
    return ahead && { kind: 'wait', untilMs: ahead.atMs + ahead.aheadMs };
  }
}
