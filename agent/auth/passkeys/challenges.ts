import { randomBytes } from 'node:crypto';
import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';

const CHALLENGE_BYTES = 32;

interface Issued {
  readonly terms: string;
  readonly issuedMonoMs: number;
}

/** Challenges of passkeys, each valid once, for five minutes and for its purpose only. */
export class Challenges {
  readonly #clock: Clock;
  readonly #issued = new Map<string, Issued>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns base64url */
  issue(purpose: 'create' | 'get', user: string, host: string): string {
    const challenge = randomBytes(CHALLENGE_BYTES).toString('base64url');
    const issued = { terms: termsOf(purpose, user, host), issuedMonoMs: this.#clock.monoMs() };
    putBounded(this.#issued, challenge, issued, 64);
    return challenge;
  }

  /** Uses up the challenge that the browser has signed. @param clientData base64url of JSON @returns undefined if it was not issued for this */
  take(purpose: 'create' | 'get', user: string, host: string, clientData: string): string | undefined {
    const challenge = challengeIn(clientData);
    const issued = challenge === undefined ? undefined : this.#issued.get(challenge);
    if (challenge === undefined || !issued) {
      return undefined;
    }
    this.#issued.delete(challenge);
    // Lifetime of a challenge, longer than browsers show their dialog.
    const isFresh = this.#clock.monoMs() - issued.issuedMonoMs <= 5 * 60_000;
    return isFresh && issued.terms === termsOf(purpose, user, host) ? challenge : undefined;
  }
}

const termsOf = (...terms: string[]): string => JSON.stringify(terms);

/** `CollectedClientData` of WebAuthn Level 3, section 5.8.1. */
function challengeIn(clientData: string): string | undefined {
  try {
    const { challenge } = JSON.parse(Buffer.from(clientData, 'base64url').toString()) as { challenge?: unknown };
    return typeof challenge === 'string' ? challenge : undefined;
  } catch {
    return undefined;
  }
}
