/** Cameras lock an account, or the address that asks, after 5 to 7 refusals, for 5 to 30 minutes. */
export const MAX_REFUSALS = 2;
export const FORGET_AFTER_MS = 30 * 60_000;
/** A login without an answer lets the next one go after so long. */
const TURN_MS = 5_000;
/** A login without an answer may still be refused until then. */
const UNANSWERED_MS = 10_000;
/** Of a login that is known to be good: the first of many goes ahead for so long, so that a password that was changed is seldom shown by all. */
const HEAD_START_MS = 200;
/** One that was taken so short a time ago has not been changed since. */
const FRESH_MS = 10_000;
/** A channel that refuses a login which others take is asked again after so long; the second time after `FORGET_AFTER_MS`. */
const CHANNEL_PAUSE_MS = 10 * 60_000;
/** One that has taken it before may only be starting. */
const PROVEN_PAUSE_MS = 60_000;
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
  /** Others wait for its answer. */
  hasTurn: boolean;
}

/** A channel that alone refuses a good login. */
export interface Pause {
  readonly times: number;
  readonly untilMs: number;
}

/** `go`: it may be shown. `wait`: until then, or until something else changes. `no`: it is not shown before `untilMs`. */
export type Admission =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'no'; readonly untilMs: number; readonly isChannel: boolean };

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

  admit(channel: string, nowMs: number): Admission {
    return this.isGood ? this.#admitGood(channel, nowMs) : this.#admitUnknown(nowMs);
  }

  /** @param hasWaited for another's answer: of those that go together then none waits for the next */
  begin(channel: string, account: string, nowMs: number, hasWaited: boolean): Try {
    const isOneOfAll = hasWaited && this.isGood && this.recent(nowMs).length === 0;
    const begun = { channel, account, atMs: nowMs, hasTurn: !isOneOfAll };
    this.#out.add(begun);
    return begun;
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

  refused({ channel, account }: Pick<Try, 'channel' | 'account'>, nowMs: number): void {
    this.refusals = [...this.recent(nowMs), { channel, account, atMs: nowMs }].slice(-MAX_CHANNELS);
    if (!this.isGood) {
      return;
    }
    const times = Math.min((this.pauses.get(channel)?.times ?? 0) + 1, MAX_REFUSALS);
    const pauseMs =
      times >= MAX_REFUSALS ? FORGET_AFTER_MS : this.proven.has(channel) ? PROVEN_PAUSE_MS : CHANNEL_PAUSE_MS;
    this.pauses.set(channel, { times, untilMs: nowMs + pauseMs });
    const doubters = new Set(this.refusals.filter((one) => this.proven.has(one.channel)).map((one) => one.channel));
    // Two that have taken it and refuse it now: it was changed.
    if (doubters.size >= MAX_REFUSALS) {
      this.isGood = false;
      this.pauses.clear();
    }
  }

  #admitUnknown(nowMs: number): Admission {
    const recent = this.recent(nowMs);
    const condemning = recent.at(-MAX_REFUSALS);
    if (condemning) {
      return { kind: 'no', untilMs: condemning.atMs + FORGET_AFTER_MS, isChannel: false };
    }
    return this.#inTurn(recent.length, nowMs);
  }

  /** One channel never condemns it. But where one that has taken it refuses it now, those that never have are not asked as well. */
  #admitGood(channel: string, nowMs: number): Admission {
    const pause = this.pauses.get(channel);
    if (pause && pause.untilMs > nowMs) {
      return { kind: 'no', untilMs: pause.untilMs, isChannel: true };
    }
    const recent = this.recent(nowMs);
    const last = recent.at(-MAX_REFUSALS);
    if (last && !this.proven.has(channel) && recent.some((one) => this.proven.has(one.channel))) {
      return { kind: 'no', untilMs: last.atMs + FORGET_AFTER_MS, isChannel: false };
    }
    if (recent.length > 0) {
      return this.#inTurn(1, nowMs);
    }
    const isFresh = nowMs - this.#takenAtMs < FRESH_MS;
    return (isFresh ? undefined : this.#behind(HEAD_START_MS, nowMs)) ?? GO;
  }

  /** One at a time, and no more than may be refused. */
  #inTurn(refusals: number, nowMs: number): Admission {
    const ahead = this.#behind(TURN_MS, nowMs);
    if (ahead) {
      return ahead;
    }
    const out = this.out(nowMs);
    const [oldest] = out;
    return oldest && refusals + out.length >= MAX_REFUSALS
      ? { kind: 'wait', untilMs: oldest.atMs + UNANSWERED_MS }
      : GO;
  }

  #behind(patienceMs: number, nowMs: number): Admission | undefined {
    const ahead = this.out(nowMs).findLast(({ hasTurn, atMs }) => hasTurn && nowMs - atMs < patienceMs);
    return ahead && { kind: 'wait', untilMs: ahead.atMs + patienceMs };
  }
}
