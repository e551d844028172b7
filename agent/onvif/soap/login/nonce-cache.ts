import { createHash, randomBytes } from 'node:crypto';
import { authorization, type Challenge, type Credentials, type Hash } from '../../../media/rtsp/digest.ts';
import { type HttpOrigin, hostPortOf } from '../http/origin.ts';

const CLIENT_NONCE_BYTES = 8;
/**
 * An older challenge is replaced by an unauthenticated request: many cameras do not flag an expired challenge (`stale`), and its rejection
 * could also mean a changed password.
 */
const MAX_AGE_MS = 10_000;

interface CachedNonce {
  readonly challenge: Challenge;
  /** When it was last accepted, monotonic. */
  readonly atMs: number;
  /** RFC 7616 §3.4, `nc`. */
  count: number;
}

/** Challenges whose answers a camera has accepted, by origin: a challenge from https must not be answered over http. */
export class NonceCache {
  readonly #cached = new Map<string, CachedNonce>();

  get(origin: HttpOrigin, nowMs: number): Challenge | undefined {
    const cached = this.#cached.get(originKey(origin));
    return cached && nowMs - cached.atMs < MAX_AGE_MS ? cached.challenge : undefined;
  }

  accepted(origin: HttpOrigin, challenge: Challenge, nowMs: number): void {
    const cached = this.#cached.get(originKey(origin));
    const count = cached?.challenge === challenge ? cached.count : 1;
    this.#cached.set(originKey(origin), { challenge, atMs: nowMs, count });
  }

  drop(origin: HttpOrigin): void {
    this.#cached.delete(originKey(origin));
  }

  authorize(origin: HttpOrigin, challenge: Challenge, credentials: Credentials, uri: string): string {
    const cached = this.#cached.get(originKey(origin));
    if (cached?.challenge !== challenge) {
      return answerTo(challenge, credentials, { method: 'POST', uri });
    }
    cached.count += 1;
    return answerTo(challenge, credentials, { method: 'POST', uri }, cached.count);
  }
}

const hash: Hash = (algorithm, text) => createHash(algorithm).update(text).digest('hex');

/** Writes an Authorization header with a new client nonce. @param count how often the challenge has been answered (RFC 7616 §3.4, `nc`) */
export function answerTo(
  challenge: Challenge,
  credentials: Credentials,
  request: { readonly method: 'GET' | 'POST'; readonly uri: string },
  count = 1,
): string {
  const clientNonce = randomBytes(CLIENT_NONCE_BYTES).toString('hex');
  return authorization(challenge, credentials, { ...request, clientNonce, count }, hash);
}

const originKey = (origin: HttpOrigin): string => `${origin.isSecure} ${hostPortOf(origin)}`;
