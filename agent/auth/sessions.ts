import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import type { Clock } from '../base/clock.ts';
import { explain } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { loadPrivate, savePrivate } from './private-file.ts';

const TOKEN_BYTES = 32;
const TOKEN_CHARS = 43;
const IDLE_LIMIT_MS = 30 * 86_400_000;
const SESSIONS_LIMIT = 100;
/** `seen` is saved this often at most: a card wears with every write. */
const SEEN_STEP_MS = 6 * 3_600_000;

const SessionsFile = Type.Object({
  sessions: Type.Array(
    Type.Object({
      /** SHA-256 of the token: who reads the file cannot log in with it. */
      hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      user: Type.String({ minLength: 1, maxLength: 64 }),
      created: Type.Number(),
      seen: Type.Number(),
    }),
    { maxItems: SESSIONS_LIMIT },
  ),
});

type Stored = Static<typeof SessionsFile>['sessions'][number];
/** `seenMonoMs` is undefined until the session is used for the first time since the start. */
type Session = Stored & { seenMonoMs?: number };

/** Who is logged in, in `sessions.json` of the data folder, so that a restart logs nobody out. */
export class Sessions {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By hash. */
  readonly #sessions = new Map<string, Session>();
  #saving: Promise<void> = Promise.resolve();

  static async open(dataDir: string, clock: Clock, log: Logger): Promise<Sessions> {
    const sessions = new Sessions(join(dataDir, 'sessions.json'), clock, log);
    await sessions.#load();
    return sessions;
  }

  private constructor(file: string, clock: Clock, log: Logger) {
    this.#file = file;
    this.#clock = clock;
    this.#log = log;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** A new session's token, 256 random bits as base64url. It is told once and kept only as a hash. */
  async create(user: string): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const nowMs = this.#clock.wallMs();
    for (const session of [...this.#sessions.values()].filter((other) => this.#isOver(other))) {
      this.#sessions.delete(session.hash);
    }
    while (this.#sessions.size >= SESSIONS_LIMIT) {
      this.#sessions.delete(this.#longestIdle());
    }
    const hash = hashOf(token);
    this.#sessions.set(hash, { hash, user, created: nowMs, seen: nowMs, seenMonoMs: this.#clock.monoMs() });
    await this.#save();
    return token;
  }

  /** The user whose session this is, or undefined. Counts as a use. */
  find(token: string): string | undefined {
    const session = token.length === TOKEN_CHARS ? this.#sessions.get(hashOf(token)) : undefined;
    if (!session || this.#isOver(session)) {
      return undefined;
    }
    const nowMs = this.#clock.wallMs();
    const wantsSave = nowMs - session.seen >= SEEN_STEP_MS;
    session.seenMonoMs = this.#clock.monoMs();
    if (wantsSave) {
      session.seen = nowMs;
      void this.#save();
    }
    return session.user;
  }

  /** Nobody is logged in any more; saved with the next one who logs in. */
  forgetAll(): void {
    this.#sessions.clear();
  }

  async end(token: string): Promise<void> {
    if (this.#sessions.delete(hashOf(token))) {
      await this.#save();
    }
  }

  /**
   * Idle for 30 days by the wall clock and, if it was used since the start, by the monotonic clock as well:
   * a board without a battery-backed clock starts in the past and jumps when the network's time arrives.
   */
  #isOver(session: Session): boolean {
    const isIdleByWall = this.#clock.wallMs() - session.seen > IDLE_LIMIT_MS;
    const { seenMonoMs } = session;
    return isIdleByWall && (seenMonoMs === undefined || this.#clock.monoMs() - seenMonoMs > IDLE_LIMIT_MS);
  }

  #longestIdle(): string {
    const [first, ...others] = this.#sessions.values();
    const oldest = others.reduce((old, other) => (isLongerIdle(other, old) ? other : old), first as Session);
    return oldest.hash;
  }

  async #load(): Promise<void> {
    const stored = await loadPrivate(this.#file).catch((error: unknown) => {
      this.#log.warn({ cause: explain(error) }, 'sessions are lost: everybody has to log in again');
      return undefined;
    });
    if (stored === undefined) {
      return;
    }
    if (!Check(SessionsFile, stored)) {
      this.#log.warn({ file: this.#file }, 'sessions are lost: everybody has to log in again');
      return;
    }
    for (const session of stored.sessions) {
      this.#sessions.set(session.hash, session);
    }
  }

  /** One write at a time, each of the newest state. A full disk must not lock people out: then sessions last until the end. */
  #save(): Promise<void> {
    const write = async () => {
      const sessions = [...this.#sessions.values()].map(toStored);
      await savePrivate(this.#file, { sessions }).catch((error: unknown) =>
        this.#log.warn({ cause: explain(error) }, 'sessions cannot be saved'),
      );
    };
    this.#saving = this.#saving.then(write);
    return this.#saving;
  }
}

/** A session not used since the start goes before one that was, whatever the wall clock said at the time. */
function isLongerIdle(one: Session, other: Session): boolean {
  const [oneMs, otherMs] = [one.seenMonoMs ?? -1, other.seenMonoMs ?? -1];
  return oneMs === otherMs ? one.seen < other.seen : oneMs < otherMs;
}

const toStored = ({ hash, user, created, seen }: Session): Stored => ({ hash, user, created, seen });

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
