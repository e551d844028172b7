import { randomBytes } from 'node:crypto';
import { Allowance } from './allowance.ts';
import type { Route } from './route.ts';
import { SeenChecks } from './seen-checks.ts';
import { type BindingRequest, hasIntegrity, writeBindingSuccess, writeUnknownAttributes } from './stun.ts';

/** Letters and digits are `ice-char`, RFC 8839 §5.4; 24 of them hold more than the 128 bits that a password needs. */
const UFRAG_CHARS = 8;
const PASSWORD_CHARS = 32;
/** Browsers send one every 50 ms until they are connected, and then one every two seconds. */
const CHECKS_PER_SECOND = 50;
const CHECKS_AT_ONCE = 100;

export interface IceCredentials {
  readonly ufrag: string;
  readonly password: string;
}

export function makeCredentials(): IceCredentials {
  return { ufrag: iceChars(UFRAG_CHARS), password: iceChars(PASSWORD_CHARS) };
}

function iceChars(count: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return Array.from(randomBytes(count), (byte) => alphabet[byte & 63]).join('');
}

/** What a check has led to. */
export interface CheckResult {
  /** Goes back to where the check came from. */
  readonly answer: Uint8Array;
  /** The check was good and new: the sender has the credentials of the answer that we gave over HTTP. */
  readonly passed: boolean;
  /** The browser uses this address from now on. The newest wins, so that a phone can move from Wi-Fi to cable. */
  readonly nominated: boolean;
}

/** One session's half of ICE, RFC 8445 §2.5 (lite): it answers checks, sends none and nominates nothing. */
export class IceLite {
  readonly credentials: IceCredentials;
  readonly remoteUfrag: string;
  readonly #prefix: string;
  readonly #seen = new SeenChecks();
  /** Verifying costs more than receiving. Whoever has only overheard the user fragment uses up the strangers' share, not the peer's. */
  readonly #forPeer = new Allowance(CHECKS_PER_SECOND, CHECKS_AT_ONCE);
  readonly #forStrangers = new Allowance(CHECKS_PER_SECOND, CHECKS_AT_ONCE);

  constructor(credentials: IceCredentials, remoteUfrag: string) {
    this.credentials = credentials;
    this.remoteUfrag = remoteUfrag;
    this.#prefix = `${credentials.ufrag}:`;
  }

  /** Whether the check is for these credentials, RFC 8445 §7.3: the sender's own half may be of a restart that we do not know of yet. */
  isFor(request: BindingRequest): boolean {
    return request.username.startsWith(this.#prefix);
  }

  /**
   * @param isKnown a check from this address has passed before
   * @returns undefined for a check that was not made with our password, was overheard, or is one of too many: it gets no answer and changes nothing
   */
  check(
    datagram: Uint8Array,
    request: BindingRequest,
    from: Pick<Route, 'address' | 'port'>,
    isKnown: boolean,
    nowMs: number,
  ): CheckResult | undefined {
    const { password } = this.credentials;
    const allowance = isKnown ? this.#forPeer : this.#forStrangers;
    // The password first: nobody without it learns or moves anything.
    if (!this.isFor(request) || !allowance.take(nowMs) || !hasIntegrity(datagram, request, password)) {
      return undefined;
    }
    if (request.unknown.length > 0) {
      const answer = writeUnknownAttributes(request.transactionId, request.unknown, password);
      return { answer, passed: false, nominated: false };
    }
    const isRepeated = !this.#seen.add(request.transactionId);
    if (isRepeated && !isKnown) {
      return undefined;
    }
    const answer = writeBindingSuccess(request.transactionId, from.address, from.port, password);
    return { answer, passed: !isRepeated, nominated: !isRepeated && request.useCandidate };
  }
}
