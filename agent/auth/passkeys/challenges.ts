import { randomBytes } from 'node:crypto';
import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';

/** 16 random bytes, the time of issue in Unix milliseconds (6 bytes), and the signature: what was issued stands in no memory. */
const NONCE_BYTES = 16;
const TERMS_BYTES = NONCE_BYTES + 6;
/** Lifetime of a challenge, longer than browsers show their dialog. */
const LIFE_MS = 5 * 60_000;
/** Clocks of servers with one database differ. */
const DRIFT_MS = 60_000;

/** Of the box, or of all servers with one database. */
interface ChallengeKey {
  sign(purpose: 'challenge', text: string): string;
  /** Compares in constant time. */
  isSigned(purpose: 'challenge', text: string, signature: string): boolean;
}

/**
 * Challenges of passkeys, each for five minutes and for its purpose only, also at another server with the same key. Each is valid once at one
 * server; that one of a login is not used again at another, see `SecondFactor.passkeyUsed`.
 */
export class Challenges {
  readonly #key: ChallengeKey;
  readonly #clock: Clock;
  readonly #used = new Map<string, true>();

  constructor(key: ChallengeKey, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  /** @returns base64url */
  issue(purpose: 'create' | 'get', user: string, host: string): string {
    const terms = Buffer.concat([randomBytes(NONCE_BYTES), Buffer.alloc(6)]);
    terms.writeUIntBE(Math.max(0, Math.floor(this.#clock.wallMs())), NONCE_BYTES, 6);
    const signature = this.#key.sign('challenge', signedText(terms, purpose, user, host));
    return Buffer.concat([terms, Buffer.from(signature, 'base64url')]).toString('base64url');
  }

  /** Uses up the challenge that the browser has signed. @param clientData base64url of JSON @returns undefined if it was not issued for this */
  take(purpose: 'create' | 'get', user: string, host: string, clientData: string): string | undefined {
    const challenge = challengeIn(clientData) ?? '';
    const bytes = Buffer.from(challenge, 'base64url');
    const terms = bytes.subarray(0, TERMS_BYTES);
    const signature = bytes.subarray(TERMS_BYTES).toString('base64url');
    const isOurs =
      bytes.length > TERMS_BYTES &&
      bytes.toString('base64url') === challenge &&
      this.#key.isSigned('challenge', signedText(terms, purpose, user, host), signature);
    const ageMs = isOurs ? this.#clock.wallMs() - issuedMs(challenge) : Number.NaN;
    if (!(ageMs >= -DRIFT_MS && ageMs <= LIFE_MS) || this.#used.has(challenge)) {
      return undefined;
    }
    putBounded(this.#used, challenge, true, 64);
    return challenge;
  }
}

/** Whether a challenge that `take` has returned may be used after that one. One of the future is from before the clock was set back. */
export const mayFollow = (challenge: string, last: string, nowMs: number): boolean =>
  challenge !== last && (issuedMs(challenge) >= issuedMs(last) || issuedMs(last) > nowMs + DRIFT_MS);

/** Unix milliseconds. */
const issuedMs = (challenge: string): number => Buffer.from(challenge, 'base64url').readUIntBE(NONCE_BYTES, 6);

const signedText = (terms: Buffer, ...more: readonly string[]): string =>
  JSON.stringify([terms.toString('base64url'), ...more]);

/** `CollectedClientData` of WebAuthn Level 3, section 5.8.1. */
function challengeIn(clientData: string): string | undefined {
  try {
    const { challenge } = JSON.parse(Buffer.from(clientData, 'base64url').toString()) as { challenge?: unknown };
    return typeof challenge === 'string' ? challenge : undefined;
  } catch {
    return undefined;
  }
}
