import { randomBytes } from 'node:crypto';
import { authorization, type Challenge, type Credentials } from '../../../media/rtsp/digest.ts';
import { type HttpPlace, nameOf } from '../http/http-exchange.ts';
import { hash } from './digest-hash.ts';

const CLIENT_NONCE_BYTES = 8;
/**
 * Afterwards a new one is asked for, with a request that bears no login: many cameras do not say that a challenge has grown old (`stale`),
 * and a refusal of the old one could as well mean that the password was changed.
 */
const MAX_AGE_MS = 10_000;

interface Used {
  readonly challenge: Challenge;
  /** When it was taken last, monotonic. */
  readonly atMs: number;
  /** RFC 7616 §3.4, `nc`. */
  count: number;
}

/** The challenges that a camera has taken answers to, by place: what was read over https must not go over http. */
export class UsedChallenges {
  readonly #used = new Map<string, Used>();

  at(place: HttpPlace, nowMs: number): Challenge | undefined {
    const used = this.#used.get(keyOf(place));
    return used && nowMs - used.atMs < MAX_AGE_MS ? used.challenge : undefined;
  }

  took(place: HttpPlace, challenge: Challenge, nowMs: number): void {
    const used = this.#used.get(keyOf(place));
    const count = used?.challenge === challenge ? used.count : 1;
    this.#used.set(keyOf(place), { challenge, atMs: nowMs, count });
  }

  drop(place: HttpPlace): void {
    this.#used.delete(keyOf(place));
  }

  /** The Authorization header of a POST. */
  answer(place: HttpPlace, challenge: Challenge, credentials: Credentials, uri: string): string {
    const used = this.#used.get(keyOf(place));
    const isAgain = used?.challenge === challenge;
    if (isAgain) {
      used.count += 1;
    }
    const clientNonce = randomBytes(CLIENT_NONCE_BYTES).toString('hex');
    return authorization(
      challenge,
      credentials,
      { method: 'POST', uri, clientNonce, count: isAgain ? used.count : 1 },
      hash,
    );
  }
}

const keyOf = (place: HttpPlace): string => `${place.isSecure} ${nameOf(place)}`;
