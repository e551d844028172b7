import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { LoginLimits } from '../throttle/login-limits.ts';

export const INVITATION_MS = 600_000;
/** Clocks of servers with one database differ. */
export const SERVERS_DRIFT_MS = 60_000;
const SECRET_BYTES = 16;
const MAX_OPEN = 20;

interface Invitation<T> {
  readonly granted: T;
  /** Monotonic milliseconds. */
  readonly untilMs: number;
}

/** Invitations: each for ten minutes and one pairing, in memory only. `T` is what it grants. */
export class Invitations<T> {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: LoginLimits;
  /** Invitations by the digest of their secret. */
  readonly #open = new Map<string, Invitation<T>>();

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
    this.#limits = new LoginLimits(clock);
  }

  /** @returns the secret, which is not shown again */
  create(granted: T): string {
    this.#dropOver();
    if (this.#open.size >= MAX_OPEN) {
      throw new PerchError('badInput', `${MAX_OPEN} invitations are open, which is the limit`, { why: 'limit' });
    }
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    this.#open.set(digestOf(secret), { granted, untilMs: this.#clock.monoMs() + INVITATION_MS });
    return secret;
  }

  /**
   * Uses an invitation up.
   * @throws PerchError unauthorized, exhausted after too many wrong secrets
   */
  take(secret: string, { ip, isPrivate }: { readonly ip: string; readonly isPrivate: boolean }): T {
    const wasRight = this.#limits.take({ ip, isPrivate, account: undefined, isKnownAddress: false });
    this.#dropOver();
    const digest = digestOf(secret);
    const invitation = this.#open.get(digest);
    if (!invitation) {
      this.#log.warn({ ip }, 'wrong invitation');
      const message = 'the invitation is wrong, was used, or is older than ten minutes: create a new one';
      throw new PerchError('unauthorized', message, { why: 'invitation' });
    }
    this.#open.delete(digest);
    wasRight();
    return invitation.granted;
  }

  #dropOver(): void {
    for (const [digest, { untilMs }] of this.#open) {
      if (this.#clock.monoMs() >= untilMs) {
        this.#open.delete(digest);
      }
    }
  }
}

const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64');
