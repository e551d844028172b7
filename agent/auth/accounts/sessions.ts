import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { mergedItems } from '../../base/files/merged-items.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { RevokedKey, UnsavedRevocations } from '../../base/files/unsaved-revocations.ts';
import type { Logger } from '../../base/log.ts';
import { subscriberOf } from '../../base/network/ip-address.ts';
import type { SecretKey } from './secret-key.ts';
import { MAX_SESSIONS, SessionsFile, type StoredSession } from './sessions-file.ts';

const TOKEN_BYTES = 32;
const TOKEN_CHARS = 43;
const MAX_IDLE_MS = 30 * 86_400_000;
/** How often `seen` is saved: SD cards wear with every write. */
const SEEN_STEP_MS = 6 * 3_600_000;
const TOKEN_LIFE_MS = 86_400_000;
/** How long the previous token stays valid, because requests in flight still use it. */
const GRACE_MS = 60_000;

/** Origin of a session. */
export interface Device {
  /** Canonical. */
  readonly ip: string;
  /** Browser and system, such as `Chrome, Android`; empty if unknown. */
  readonly device?: string;
}

interface SessionItem extends Required<Device> {
  readonly id: string;
  readonly user: string;
  /** Unix milliseconds. */
  readonly createdMs: number;
  readonly seenMs: number;
}

interface Session extends Omit<StoredSession, 'turned' | 'next'> {
  readonly id: string;
  next: string | undefined;
  turned: number;
  /** Hash of the previous token, and the monotonic time until which it is valid. */
  before?: { readonly hash: string; readonly untilMonoMs: number };
  /** Monotonic time of the last use; undefined until the first use since the start. */
  seenMonoMs?: number;
  /** Monotonic time at which the current token was handed out or the program started. */
  turnedMonoMs: number;
}

/** The database is asked again that often at the latest. */
const RETRY_AFTER_S = 5;

/** For people without a login: where the database is stands in the log and in the list of problems. @param away why it does not answer */
export function noLogins(away: string | undefined): PerchError {
  const why = away === undefined ? 'the database failed' : 'the database does not answer';
  return new PerchError('unavailable', `nobody can log in now: ${why}`, { retryAfterS: RETRY_AFTER_S }, away);
}

/** Sessions, in `sessions.json` of the data folder, so that they survive a restart. */
export class Sessions {
  readonly #document: StoredDocument<typeof SessionsFile>;
  readonly #key: SecretKey;
  readonly #clock: Clock;
  readonly #sessions = new Set<Session>();
  /** Sessions by the hash of each valid token: current, next and previous. */
  readonly #byHash = new Map<string, Session>();
  #onRevoked: (user: string) => void = () => {};
  readonly #unsaved: UnsavedRevocations<typeof RevokedKey>;
  readonly isCurrent = (): boolean => this.#document.isCurrent;

  static async open(dataDir: string, key: SecretKey, clock: Clock, log: Logger): Promise<Sessions> {
    const sessions = new Sessions(dataDir, key, clock, log);
    sessions.#document.follow((theirs, former) => sessions.#merge(theirs?.sessions ?? [], former?.sessions ?? []), {
      merges: true,
      answers: () => sessions.#unsaved.saveAgain(),
    });
    const file = await sessions.#document.open('sessions are lost: all users have to log in again');
    for (const stored of file?.sessions ?? []) {
      sessions.#add(sessions.#fromStored(stored));
    }
    await sessions.#unsaved.open();
    return sessions;
  }

  /** Removes all sessions. */
  static forget(dataDir: string): Promise<void> {
    return documentIn(dataDir).remove();
  }

  private constructor(dataDir: string, key: SecretKey, clock: Clock, log: Logger) {
    const document = documentIn(dataDir, log);
    this.#document = document;
    this.#key = key;
    this.#clock = clock;
    const save = (id: string) => this.#saveWithout(id);
    this.#unsaved = new UnsavedRevocations({ document, schema: RevokedKey, save, log });
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** @returns a new session token, 256 random bits as base64url; only its hash is stored @throws PerchError if the database does not take it */
  async create(user: string, { ip, device = '' }: Device): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const nowMs = this.#clock.wallMs();
    for (const session of [...this.#sessions].filter((other) => this.#isOver(other))) {
      this.#remove(session);
    }
    while (this.#sessions.size >= MAX_SESSIONS) {
      this.#remove(longestIdle(this.#sessions));
    }
    const monoMs = this.#clock.monoMs();
    const times = { created: nowMs, seen: nowMs, turned: nowMs, seenMonoMs: monoMs, turnedMonoMs: monoMs };
    const session = { id: randomUUID(), hash: hashOf(token), next: undefined, user, ip, device, ...times };
    this.#add(session);
    if (!(await this.#save()) && this.#document.isShared) {
      this.#remove(session);
      throw noLogins(this.#document.away);
    }
    return token;
  }

  /** Asks the database for a token that another server may have handed out a moment ago. */
  async learn(token: string): Promise<void> {
    if (this.#document.isShared && token.length === TOKEN_CHARS && !this.#byHash.has(hashOf(token))) {
      await this.#document.ask().catch(() => {});
    }
  }

  /** The user of a session. Counts as a use. */
  find(token: string): string | undefined {
    return this.#use(token)?.user;
  }

  /** The session's id as in lists. Counts as a use. */
  idOf(token: string): string | undefined {
    return this.#use(token)?.id;
  }

  /**
   * The successor of a token that has been in use for a day, for the client that sent it. A repeated request gets the same one, so that
   * a lost or concurrent reply ends no login.
   */
  async renewal(token: string, ip: string): Promise<string | undefined> {
    const session = this.#use(token);
    if (!session || !this.#isDue(session) || session.hash !== hashOf(token)) {
      return undefined;
    }
    const next = this.#key.sign('session', token);
    if (session.next === undefined) {
      session.next = hashOf(next);
      session.ip = ip;
      this.#byHash.set(session.next, session);
      await this.#save();
    }
    return next;
  }

  /** Sessions of one user or of all, latest use first. */
  list(user?: string): readonly SessionItem[] {
    // The clocks are read once, because the wall clock may advance by a millisecond between two readings.
    const startedMs = this.#clock.wallMs() - this.#clock.monoMs();
    return [...this.#sessions]
      .filter((session) => (user === undefined || session.user === user) && !this.#isOver(session))
      .map((session) => ({ session, seenMs: seenAt(session, startedMs) }))
      .toSorted((one, other) => other.seenMs - one.seenMs)
      .map(({ session: { id, user: of, created, ip = '', device = '' }, seenMs }) => ({
        id,
        user: of,
        createdMs: created,
        seenMs: Math.round(seenMs),
        ip,
        device,
      }));
  }

  /** Whether this user has a session from this address. @param ip canonical */
  isFrom(user: string, ip: string): boolean {
    const subscriber = subscriberOf(ip);
    return [...this.#sessions].some((one) => one.user === user && subscriberOf(one.ip ?? '') === subscriber);
  }

  /** Called with the user of a session that was revoked from elsewhere: the device may be in the wrong hands. */
  onRevoked(listener: (user: string) => void): void {
    this.#onRevoked = listener;
  }

  async end(token: string): Promise<void> {
    await Promise.allSettled(this.#removeAll([this.#byHash.get(hashOf(token))]));
  }

  /**
   * @param user undefined for any
   * @returns false if this user has no such session
   * @throws PerchError if that cannot be saved
   */
  async endById(id: string, user: string | undefined): Promise<boolean> {
    const session = [...this.#sessions].find((one) => one.id === id && (user === undefined || one.user === user));
    await Promise.all(this.#revoke([session]));
    return session !== undefined;
  }

  /** All sessions of a user except the one with this token. */
  async endAllOf(user: string, exceptToken?: string): Promise<void> {
    const kept = exceptToken === undefined ? undefined : this.#byHash.get(hashOf(exceptToken));
    const others = [...this.#sessions].filter((session) => session.user === user && session !== kept);
    await Promise.allSettled(this.#revoke(others));
  }

  async forgetAll(): Promise<void> {
    this.#sessions.clear();
    this.#byHash.clear();
    await this.#save();
  }

  #use(token: string): Session | undefined {
    if (token.length !== TOKEN_CHARS || !this.#document.isCurrent) {
      return undefined;
    }
    const hash = hashOf(token);
    const session = this.#byHash.get(hash);
    if (!session || this.#isOver(session) || !this.#isValid(session, hash)) {
      return undefined;
    }
    const nowMs = this.#clock.wallMs();
    session.seenMonoMs = this.#clock.monoMs();
    if (nowMs - session.seen >= SEEN_STEP_MS) {
      session.seen = nowMs;
      void this.#save();
    }
    return session;
  }

  /** The first use of the next token makes it current; the previous one stays valid while requests are in flight. */
  #isValid(session: Session, hash: string): boolean {
    const nowMs = this.#clock.monoMs();
    if (hash === session.next) {
      this.#forgetBefore(session);
      session.before = { hash: session.hash, untilMonoMs: nowMs + GRACE_MS };
      session.hash = hash;
      session.next = undefined;
      session.turned = this.#clock.wallMs();
      session.turnedMonoMs = nowMs;
      void this.#save();
    }
    return hash === session.hash || (session.before?.hash === hash && nowMs < session.before.untilMonoMs);
  }

  /** Whether the token is too old by either clock: a board's wall clock may jump, and the monotonic one restarts with the program. */
  #isDue({ turned, turnedMonoMs }: Session): boolean {
    return this.#clock.wallMs() - turned >= TOKEN_LIFE_MS || this.#clock.monoMs() - turnedMonoMs >= TOKEN_LIFE_MS;
  }

  /**
   * Whether the session was idle for 30 days by the wall clock and, if used since the start, by the monotonic clock as well: a board
   * without a battery-backed clock starts in the past and jumps when it gets the time.
   */
  #isOver(session: Session): boolean {
    const isIdleByWall = this.#clock.wallMs() - session.seen > MAX_IDLE_MS;
    const { seenMonoMs } = session;
    return isIdleByWall && (seenMonoMs === undefined || this.#clock.monoMs() - seenMonoMs > MAX_IDLE_MS);
  }

  #fromStored(stored: StoredSession): Session {
    const { next, turned = stored.seen } = stored;
    return { ...stored, id: idOf(stored), next, turned, turnedMonoMs: this.#clock.monoMs() };
  }

  /** Puts the sessions of another server in memory, with the changes of this one that are not saved yet. */
  #merge(theirs: readonly StoredSession[], former: readonly StoredSession[]): void {
    const own = new Map([...this.#sessions].map((session) => [session.id, session]));
    const merged = mergedItems({
      former,
      mine: [...own.values()].map(toStored),
      theirs,
      keyOf: idOf,
      both: laterToken,
    });
    const ended = new Set(own.values());
    for (const stored of merged) {
      const session = own.get(idOf(stored));
      if (session) {
        ended.delete(session);
        this.#update(session, stored);
      } else {
        this.#add(this.#fromStored(stored));
      }
    }
    for (const session of ended) {
      this.#remove(session);
    }
    for (const user of new Set([...ended].map((session) => session.user))) {
      this.#onRevoked(user);
    }
  }

  #update(session: Session, { hash, next, seen, turned = seen, ip = '' }: StoredSession): void {
    if (session.hash !== hash) {
      this.#forgetBefore(session);
      session.before = { hash: session.hash, untilMonoMs: this.#clock.monoMs() + GRACE_MS };
      session.turnedMonoMs = this.#clock.monoMs();
    }
    if (session.next !== undefined && session.next !== hash) {
      this.#byHash.delete(session.next);
    }
    Object.assign(session, { hash, next, seen, turned, ip });
    this.#add(session);
  }

  #add(session: Session): void {
    this.#sessions.add(session);
    this.#byHash.set(session.hash, session);
    if (session.next !== undefined) {
      this.#byHash.set(session.next, session);
    }
  }

  #remove(session: Session): void {
    this.#sessions.delete(session);
    this.#forgetBefore(session);
    this.#byHash.delete(session.hash);
    this.#byHash.delete(session.next ?? '');
  }

  /** @returns rejects for what cannot be saved */
  #revoke(sessions: readonly (Session | undefined)[]): readonly Promise<void>[] {
    const saved = this.#removeAll(sessions);
    for (const user of new Set(sessions.flatMap((session) => session?.user ?? []))) {
      this.#onRevoked(user);
    }
    return saved;
  }

  #removeAll(sessions: readonly (Session | undefined)[]): readonly Promise<void>[] {
    const there = sessions.filter((session) => session !== undefined);
    for (const session of there) {
      this.#remove(session);
    }
    return there.map(({ id }) => this.#unsaved.save(id, null));
  }

  async #saveWithout(id: string): Promise<void> {
    for (const session of [...this.#sessions].filter((one) => one.id === id)) {
      this.#remove(session);
    }
    if (!(await this.#save())) {
      const message = 'the session is over, but that cannot be saved: it would be valid again after the next start';
      throw new PerchError('unavailable', message);
    }
  }

  #forgetBefore(session: Session): void {
    this.#byHash.delete(session.before?.hash ?? '');
  }

  /** Never rejects: a full disk must not lock people out. @returns whether the sessions are saved */
  #save(): Promise<boolean> {
    return this.#document.trySave(() => ({ sessions: [...this.#sessions].map(toStored) }), 'saving sessions failed');
  }
}

const documentIn = (dataDir: string, log?: Logger) =>
  new StoredDocument(join(dataDir, 'sessions.json'), SessionsFile, log);

/** The longest idle session of the user with the most sessions, so that logins of one user do not end sessions of another. */
function longestIdle(sessions: ReadonlySet<Session>): Session {
  const byUser = Map.groupBy(sessions, ({ user }) => user);
  const [most = []] = [...byUser.values()].toSorted((one, other) => other.length - one.length);
  return most.reduce((old, other) => (isLongerIdle(other, old) ? other : old));
}

/** A session not used since the start counts as older, whatever the wall clock said. */
function isLongerIdle(one: Session, other: Session): boolean {
  const [oneMs, otherMs] = [one.seenMonoMs ?? -1, other.seenMonoMs ?? -1];
  return oneMs === otherMs ? one.seen < other.seen : oneMs < otherMs;
}

/** Both servers have changed the session: the token that was handed out last is the current one. */
function laterToken(mine: StoredSession, theirs: StoredSession): StoredSession {
  const later = (mine.turned ?? 0) > (theirs.turned ?? 0) ? mine : theirs;
  const next = later.next ?? (mine.hash === theirs.hash ? (mine.next ?? theirs.next) : undefined);
  return { ...later, seen: Math.max(mine.seen, theirs.seen), ...(next === undefined ? {} : { next }) };
}

const toStored = ({ hash, next, id, user, created, seen, turned, ip, device }: Session): StoredSession => ({
  hash,
  id,
  user,
  created,
  seen,
  turned,
  ...(next === undefined ? {} : { next }),
  ...(ip === undefined ? {} : { ip }),
  ...(device === undefined ? {} : { device }),
});

/** Sessions of earlier versions have none: then all servers with one database make the same one. */
const idOf = ({ id, hash }: StoredSession): string => id ?? hash.slice(0, 36);

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** @param startedMs what the wall clock showed when the monotonic one was at 0 */
function seenAt({ seen, seenMonoMs }: Session, startedMs: number): number {
  return seenMonoMs === undefined ? seen : startedMs + seenMonoMs;
}
