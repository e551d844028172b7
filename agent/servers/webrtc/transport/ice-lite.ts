import { randomBytes } from 'node:crypto';
import {
  type BindingRequest,
  hasIntegrity,
  writeBindingRequest,
  writeBindingSuccess,
  writeUnknownAttributes,
} from '../../../transports/webrtc/link/stun.ts';
import type { Transport } from '../../../transports/webrtc/link/transport.ts';
import type { IceCredentials } from '../../../transports/webrtc/sdp/lines.ts';

/** `ice-char` of RFC 8839 §5.4; 24 hold more than the 128 bits a password needs. */
const UFRAG_CHARS = 8;
const PASSWORD_CHARS = 32;
const TIE_BREAKER_BYTES = 8;
const TRANSACTION_ID_BYTES = 12;
/** Browsers send one every 50 ms until connected, then one every two seconds. */
const CHECKS_PER_SECOND = 50;
const CHECKS_AT_ONCE = 100;

export function makeCredentials(): IceCredentials {
  return { ufrag: iceChars(UFRAG_CHARS), password: iceChars(PASSWORD_CHARS) };
}

function iceChars(count: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return Array.from(randomBytes(count), (byte) => alphabet[byte & 63]).join('');
}

interface CheckResult {
  /** The answer for the check's source. */
  readonly answer: Uint8Array;
  /** Whether the check is authentic and new. */
  readonly passed: boolean;
  /** Whether the browser selected this address. The latest nomination wins, so that a phone can move between networks. */
  readonly nominated: boolean;
}

/** The ICE-lite agent of a session, RFC 8445 §2.5: answers checks and nominates nothing. */
export class IceLite {
  readonly credentials: IceCredentials;
  readonly remoteUfrag: string;
  readonly #prefix: string;
  readonly #tieBreaker = randomBytes(TIE_BREAKER_BYTES);
  readonly #seen = new StunReplayGuard();
  /** Limits verifications, which are expensive. A peer that knows only the user fragment uses up the bucket for unknown addresses. */
  readonly #peerChecks = new TokenBucket(CHECKS_PER_SECOND, CHECKS_AT_ONCE);
  readonly #unknownChecks = new TokenBucket(CHECKS_PER_SECOND, CHECKS_AT_ONCE);

  constructor(credentials: IceCredentials, remoteUfrag: string) {
    this.credentials = credentials;
    this.remoteUfrag = remoteUfrag;
    this.#prefix = `${credentials.ufrag}:`;
  }

  /** RFC 8445 §7.3. The sender's own half may belong to a restart not yet known here. */
  isFor(request: BindingRequest): boolean {
    return request.username.startsWith(this.#prefix);
  }

  /**
   * A check of our own for the source of a passed one, RFC 8445 §7.3.1.4. A lite agent sends none; but pion nominates a
   * pair that works when it receives a check, and otherwise 200 ms later.
   * @returns undefined for a request with other credentials than those of the offer
   */
  triggeredCheck({ username }: BindingRequest, remotePassword: string): Uint8Array | undefined {
    const { ufrag } = this.credentials;
    return username === `${ufrag}:${this.remoteUfrag}`
      ? writeBindingRequest(
          randomBytes(TRANSACTION_ID_BYTES),
          `${this.remoteUfrag}:${ufrag}`,
          this.#tieBreaker,
          remotePassword,
        )
      : undefined;
  }

  /**
   * @param isKnown an earlier check from this address passed
   * @returns undefined for a check that is forged, replayed or above the rate: it is ignored
   */
  check(
    datagram: Uint8Array,
    request: BindingRequest,
    from: Pick<Transport, 'address' | 'port'>,
    isKnown: boolean,
    nowMs: number,
  ): CheckResult | undefined {
    const { password } = this.credentials;
    const bucket = isKnown ? this.#peerChecks : this.#unknownChecks;
    // The password first: without it nothing is revealed or changed.
    if (!this.isFor(request) || !bucket.take(nowMs) || !hasIntegrity(datagram, request, password)) {
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

/** Allows a rate and a burst. */
class TokenBucket {
  readonly #perMs: number;
  readonly #atOnce: number;
  #left: number;
  #filledMs = 0;

  constructor(perSecond: number, atOnce: number) {
    this.#perMs = perSecond / 1000;
    this.#atOnce = atOnce;
    this.#left = atOnce;
  }

  take(nowMs: number): boolean {
    this.#left = Math.min(this.#atOnce, this.#left + (nowMs - this.#filledMs) * this.#perMs);
    this.#filledMs = nowMs;
    if (this.#left < 1) {
      return false;
    }
    this.#left -= 1;
    return true;
  }
}

/** Ten minutes of a connected browser's checks. */
const KEPT = 256;

/**
 * Remembers transaction ids of passed checks. A recorded check stays valid from any address: replayed, it would
 * redirect the stream to an attacker or a victim.
 */
class StunReplayGuard {
  /** 64 of the 96 random bits per transaction. */
  readonly #words = new Uint32Array(2 * KEPT);
  #count = 0;

  /** @param transactionId 12 bytes @returns false for a repetition */
  add(transactionId: Uint8Array): boolean {
    const view = new DataView(transactionId.buffer, transactionId.byteOffset, transactionId.byteLength);
    const high = view.getUint32(0);
    const low = view.getUint32(4);
    const filled = 2 * Math.min(this.#count, KEPT);
    for (let i = 0; i < filled; i += 2) {
      if (this.#words[i] === high && this.#words[i + 1] === low) {
        return false;
      }
    }
    const at = 2 * (this.#count % KEPT);
    this.#words[at] = high;
    this.#words[at + 1] = low;
    this.#count += 1;
    return true;
  }
}
