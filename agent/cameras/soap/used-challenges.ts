import { randomBytes } from 'node:crypto';
import { authorization, type Challenge, type Credentials } from '../../media/rtsp/digest.ts';
import { hash } from './digest-hash.ts';
import { type HttpPlace, nameOf } from './http-exchange.ts';

const CLIENT_NONCE_BYTES = 8;

interface Used {
  readonly challenge: Challenge;
  /** RFC 7616 §3.4, `nc`. */
  count: number;
}

/** The challenges that a camera has taken answers to, by place: what was read over https must not go over http. */
export class UsedChallenges {
  readonly #used = new Map<string, Used>();

  at(place: HttpPlace): Challenge | undefined {
    return this.#used.get(keyOf(place))?.challenge;
  }

  took(place: HttpPlace, challenge: Challenge): void {
    if (this.at(place) !== challenge) {
      this.#used.set(keyOf(place), { challenge, count: 1 });
    }
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
