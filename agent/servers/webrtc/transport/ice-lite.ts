import { randomBytes } from 'node:crypto';
import type { Route } from './route.ts';
import { type BindingRequest, hasIntegrity, writeBindingSuccess, writeUnknownAttributes } from './stun.ts';

/** Letters and digits are `ice-char`, RFC 8839 §5.4; 24 of them hold more than the 128 bits that a password needs. */
const UFRAG_CHARS = 8;
const PASSWORD_CHARS = 32;

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
  /** The check was good: the sender has the credentials of the answer that we gave over HTTP. */
  readonly passed: boolean;
  /** The browser uses this address from now on. The newest wins, so that a phone can move from Wi-Fi to cable. */
  readonly nominated: boolean;
}

/** One session's half of ICE, RFC 8445 §2.5 (lite): it answers checks, sends none and nominates nothing. */
export class IceLite {
  readonly credentials: IceCredentials;
  readonly remoteUfrag: string;
  readonly #username: string;

  constructor(credentials: IceCredentials, remoteUfrag: string) {
    this.credentials = credentials;
    this.remoteUfrag = remoteUfrag;
    this.#username = `${credentials.ufrag}:${remoteUfrag}`;
  }

  /** @returns undefined for a check that was not made with our password: it gets no answer and changes nothing */
  check(datagram: Uint8Array, request: BindingRequest, from: Pick<Route, 'address' | 'port'>): CheckResult | undefined {
    const { password } = this.credentials;
    // The password first: nobody without it learns or moves anything.
    if (!hasIntegrity(datagram, request, password) || request.username !== this.#username) {
      return undefined;
    }
    if (request.unknown.length > 0) {
      const answer = writeUnknownAttributes(request.transactionId, request.unknown, password);
      return { answer, passed: false, nominated: false };
    }
    const answer = writeBindingSuccess(request.transactionId, from.address, from.port, password);
    return { answer, passed: true, nominated: request.useCandidate };
  }
}
