import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { XmlElement } from '@rgrove/parse-xml';
import type { Clock } from '../../../base/clock.ts';
import { type DigestAnswer, type Hash, parseAuthorization, verifyDigest } from '../../../media/rtsp/digest.ts';
import { TOKEN_PROFILE } from '../../../onvif/soap/xml/envelope.ts';
import { attributeOf, find, findText } from '../../../onvif/soap/xml/xml.ts';

/** How far the time of a token may differ from this box's clock in either direction: clocks of recorders drift. */
const MAX_SKEW_MS = 300_000;
/** Lifetime of an HTTP Digest nonce. */
const NONCE_LIFE_MS = 300_000;
const REALM = 'Perch ONVIF';

const hash: Hash = (algorithm, text) => createHash(algorithm).update(text).digest('hex');

/** A login as the client sent it. */
interface Proof {
  readonly user: string;
  proves(password: string): boolean;
  /** Marks the login as used; call it when the password has proved right. @returns false for a replay */
  use(): boolean;
  /** Difference of the token's time from the box's, set if it is too large. The password may be right. */
  readonly skewMs?: number;
  /** The client needs a new nonce. */
  readonly isStale?: true;
  /** The password was sent in clear text, or without a nonce. */
  readonly isClear?: true;
}

/** Reads logins by WS-UsernameToken (OASIS, 2004) and HTTP Digest (RFC 7616), with protection against replays. */
export class Logins {
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  /** Hashes of used nonces, with the monotonic time from which they are too old anyway. Only right logins are entered. */
  readonly #seen = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Value of WWW-Authenticate. It offers only MD5, because clients in recorders read one challenge. */
  challenge(isStale = false): string {
    const stale = isStale ? ', stale=true' : '';
    return `Digest realm="${REALM}", qop="auth", nonce="${this.#nonce()}", algorithm=MD5${stale}`;
  }

  /** Undefined: no login, or one of an unknown kind. @param uri URI of the request line */
  ofHttp(field: string | undefined, method: string, uri: string): Proof | undefined {
    const given = field === undefined ? undefined : parseAuthorization(field);
    if (given?.scheme !== 'digest' || given.realm !== REALM) {
      return undefined;
    }
    const isFresh = this.#isOurs(given.nonce) && pathOf(given.uri) === pathOf(uri);
    return {
      user: given.user,
      proves: (password) => verifyDigest(given, method, password, hash),
      use: () => this.#useOnce(`http ${given.nonce} ${countOf(given)}`, NONCE_LIFE_MS),
      ...(isFresh ? {} : { isStale: true }),
    };
  }

  ofToken(header: XmlElement | undefined): Proof | undefined {
    const token = find(header, 'Security', 'UsernameToken');
    const user = findText(token, 'Username');
    const digest = findText(token, 'Password');
    const nonce = findText(token, 'Nonce');
    const created = findText(token, 'Created');
    if (user === undefined || digest === undefined) {
      return undefined;
    }
    const type = attributeOf(find(token, 'Password'), 'Type') ?? '';
    // A plain text password could be read by everyone on the network path.
    if (type !== `${TOKEN_PROFILE}#PasswordDigest` || nonce === undefined || created === undefined) {
      return { user, proves: () => false, use: () => false, isClear: true };
    }
    const skewMs = Date.parse(created) - this.#clock.wallMs();
    const isInTime = Math.abs(skewMs) <= MAX_SKEW_MS;
    const bytes = Buffer.from(nonce, 'base64');
    return {
      user,
      proves: (password) => isTokenDigest(digest, bytes, created, password),
      use: () => this.#useOnce(`token ${user} ${bytes.toString('hex')} ${created}`, 2 * MAX_SKEW_MS),
      ...(isInTime ? {} : { skewMs }),
    };
  }

  #nonce(): string {
    const time = Buffer.alloc(6);
    time.writeUIntBE(Math.floor(this.#clock.monoMs()), 0, 6);
    const random = randomBytes(6);
    const plain = Buffer.concat([time, random]);
    return Buffer.concat([plain, this.#sign(plain)]).toString('hex');
  }

  #isOurs(nonce: string): boolean {
    const bytes = Buffer.from(nonce, 'hex');
    if (bytes.length !== 28 || !timingSafeEqual(this.#sign(bytes.subarray(0, 12)), bytes.subarray(12))) {
      return false;
    }
    const ageMs = this.#clock.monoMs() - bytes.readUIntBE(0, 6);
    return ageMs >= -1 && ageMs < NONCE_LIFE_MS;
  }

  #sign(plain: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(plain).digest().subarray(0, 16);
  }

  #useOnce(what: string, lifeMs: number): boolean {
    const nowMs = this.#clock.monoMs();
    const key = createHash('sha256').update(what).digest('base64url');
    if (this.#seen.has(key)) {
      return false;
    }
    for (const [oldest, endsMs] of this.#seen) {
      if (endsMs > nowMs && this.#seen.size < 20_000) {
        break;
      }
      this.#seen.delete(oldest);
    }
    this.#seen.set(key, nowMs + lifeMs);
    return true;
  }
}

/** Nonce count and cnonce of an answer; empty: without `qop` a nonce is valid for one request. */
const countOf = ({ qop, count, clientNonce }: DigestAnswer): string => (qop ? `${count} ${clientNonce}` : '');

/** Path of a URI, without query. Some clients send an absolute URI. */
const pathOf = (uri: string): string => uri.replace(/^https?:\/\/[^/]*/i, '').split('?')[0] ?? '';

function isTokenDigest(given: string, nonce: Uint8Array, created: string, password: string): boolean {
  const expected = createHash('sha1').update(nonce).update(created).update(password).digest();
  const bytes = Buffer.from(given, 'base64');
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}
