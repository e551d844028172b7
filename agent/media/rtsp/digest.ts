export type DigestAlgorithm = 'md5' | 'sha256' | 'sha512-256';

/** Lower-case hexadecimal digest of a text's UTF-8 bytes; a parameter, because media/ has no I/O. */
export type Hash = (algorithm: DigestAlgorithm, text: string) => string;

/** A challenge of WWW-Authenticate. */
export interface Challenge {
  readonly scheme: 'basic' | 'digest';
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: DigestAlgorithm;
  /** `MD5-sess`, `SHA-256-sess`: the password's hash includes the nonces (RFC 7616 §3.4.2). */
  readonly isSession: boolean;
  /** The server supports `qop=auth` (RFC 7616 §3.3); else the response follows RFC 2069. */
  readonly hasQop: boolean;
  /** The credentials were correct, but the nonce was too old. */
  readonly isStale: boolean;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

const ALGORITHMS: ReadonlyMap<string, DigestAlgorithm> = new Map([
  ['', 'md5'],
  ['md5', 'md5'],
  ['sha-256', 'sha256'],
  ['sha-512-256', 'sha512-256'],
]);
const ALGORITHM_NAMES = { md5: 'MD5', sha256: 'SHA-256', 'sha512-256': 'SHA-512-256' } as const;
/** The one that most servers have tried comes first. */
const STRENGTH = { sha256: 3, 'sha512-256': 2, md5: 1 } as const;
/** A scheme (`Digest `) or a parameter (`realm="x"`, `stale=false`), RFC 7235 §2.1. */
const PIECE = /([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;

/**
 * All supported challenges, strongest first.
 * @param fields the values of every WWW-Authenticate header; one value may hold several challenges
 */
export function parseChallenges(fields: readonly string[]): Challenge[] {
  const challenges: Challenge[] = [];
  for (const { scheme, values } of fields.flatMap(splitSchemes)) {
    const name = (values.get('algorithm') ?? '').toLowerCase();
    const isSession = name.endsWith('-sess');
    const algorithm = ALGORITHMS.get(isSession ? name.slice(0, -5) : name);
    const qop = values.get('qop')?.toLowerCase();
    const wantsIntegrity = qop !== undefined && !/\bauth\b(?!-)/.test(qop);
    if (scheme === 'digest' && (algorithm === undefined || wantsIntegrity || !values.has('nonce'))) {
      continue;
    }
    if (scheme === 'digest' || scheme === 'basic') {
      challenges.push({
        scheme,
        realm: values.get('realm') ?? '',
        nonce: values.get('nonce') ?? '',
        opaque: values.get('opaque'),
        algorithm: algorithm ?? 'md5',
        isSession: scheme === 'digest' && isSession,
        hasQop: scheme === 'digest' && qop !== undefined,
        isStale: values.get('stale')?.toLowerCase() === 'true',
      });
    }
  }
  return challenges.slice(0, 8).sort((a, b) => strengthOf(b) - strengthOf(a));
}

const strengthOf = ({ scheme, algorithm }: Challenge): number => (scheme === 'basic' ? 0 : STRENGTH[algorithm]);

interface Scheme {
  readonly scheme: string;
  readonly values: Map<string, string>;
}

function splitSchemes(field: string): Scheme[] {
  const schemes: Scheme[] = [];
  let count = 0;
  for (const [, word = '', quoted, plain] of field.matchAll(PIECE)) {
    count += 1;
    if (count > 64) {
      break;
    }
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) {
      schemes.push({ scheme: word.toLowerCase(), values: new Map() });
    } else {
      schemes.at(-1)?.values.set(word.toLowerCase(), value);
    }
  }
  return schemes;
}

/** The input of a digest, in addition to the challenge. */
interface DigestUse {
  readonly method: string;
  /** From the request line. */
  readonly uri: string;
  /** cnonce, RFC 7616 §3.4. */
  readonly clientNonce: string;
  /** 1 for the first request with this nonce. */
  readonly count: number;
}

/**
 * The value of the Authorization header that answers `challenge`. Cameras read it by place: without qop `username, realm, nonce, uri,
 * response`; with qop some accept nothing after the response (icholy/digest#8).
 */
export function authorization(challenge: Challenge, credentials: Credentials, use: DigestUse, hash: Hash): string {
  if (challenge.scheme === 'basic') {
    return `Basic ${encodeBase64(`${credentials.user}:${credentials.password}`)}`;
  }
  const answer: DigestAnswer = {
    scheme: 'digest',
    user: credentials.user,
    realm: challenge.realm,
    nonce: challenge.nonce,
    uri: use.uri,
    algorithm: challenge.algorithm,
    isSession: challenge.isSession,
    response: '',
    qop: challenge.hasQop ? 'auth' : undefined,
    count: use.count.toString(16).padStart(8, '0'),
    clientNonce: use.clientNonce,
  };
  const response = digestOf(answer, use.method, credentials.password, hash);
  const { realm, nonce } = challenge;
  const parts = [`username=${quote(credentials.user)}`, `realm=${quote(realm)}`, `nonce=${quote(nonce)}`];
  parts.push(`uri=${quote(use.uri)}`);
  if (challenge.algorithm !== 'md5' || challenge.isSession) {
    // Omitted for MD5: old cameras reject parameters that they did not send.
    parts.push(`algorithm=${ALGORITHM_NAMES[challenge.algorithm]}${challenge.isSession ? '-sess' : ''}`);
  }
  if (challenge.opaque !== undefined) {
    parts.push(`opaque=${quote(challenge.opaque)}`);
  }
  if (challenge.hasQop) {
    parts.push('qop=auth', `nc=${answer.count}`);
  }
  if (challenge.hasQop || challenge.isSession) {
    parts.push(`cnonce=${quote(use.clientNonce)}`);
  }
  parts.push(`response="${response}"`);
  return `Digest ${parts.join(', ')}`;
}

/** A WWW-Authenticate value for a server. */
export function writeChallenge(
  challenge: Pick<Challenge, 'scheme' | 'realm' | 'nonce' | 'algorithm'> & Partial<Pick<Challenge, 'isStale'>>,
): string {
  if (challenge.scheme === 'basic') {
    return `Basic realm=${quote(challenge.realm)}`;
  }
  const algorithm = challenge.algorithm === 'md5' ? '' : `, algorithm=${ALGORITHM_NAMES[challenge.algorithm]}`;
  const stale = challenge.isStale ? ', stale=true' : '';
  return `Digest realm=${quote(challenge.realm)}, nonce=${quote(challenge.nonce)}${algorithm}${stale}`;
}

export interface BasicAnswer extends Credentials {
  readonly scheme: 'basic';
}

export interface DigestAnswer {
  readonly scheme: 'digest';
  readonly user: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly algorithm: DigestAlgorithm;
  readonly isSession: boolean;
  readonly response: string;
  readonly qop: 'auth' | undefined;
  readonly count: string;
  readonly clientNonce: string;
}

/** The next nonce in a server's Authentication-Info header (RFC 7616 §3.5). */
export function nextNonceOf(field: string | undefined): string | undefined {
  return /(?:^|[\s,])nextnonce\s*=\s*"([^"\\]+)"/i.exec(field ?? '')?.[1];
}

/** The credentials in Authorization, or undefined if they are neither Basic nor a supported Digest. */
export function parseAuthorization(field: string): BasicAnswer | DigestAnswer | undefined {
  const basic = /^\s*basic\s+([A-Za-z0-9+/=]+)\s*$/i.exec(field);
  if (basic) {
    const text = decodeBase64(basic[1] ?? '');
    const colon = text?.indexOf(':') ?? -1;
    return text === undefined || colon < 0
      ? undefined
      : { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  const digest = splitSchemes(field)[0];
  const name = (digest?.values.get('algorithm') ?? '').toLowerCase();
  const isSession = name.endsWith('-sess');
  const algorithm = ALGORITHMS.get(isSession ? name.slice(0, -5) : name);
  const qop = digest?.values.get('qop')?.toLowerCase();
  if (digest?.scheme !== 'digest' || algorithm === undefined || (qop !== undefined && qop !== 'auth')) {
    return undefined;
  }
  const value = (name: string) => digest.values.get(name) ?? '';
  return {
    scheme: 'digest',
    user: value('username'),
    realm: value('realm'),
    nonce: value('nonce'),
    uri: value('uri'),
    algorithm,
    isSession,
    response: value('response').toLowerCase(),
    qop,
    count: value('nc'),
    clientNonce: value('cnonce'),
  };
}

/**
 * Whether the digest matches this password. The caller compares realm and nonce with its own challenge,
 * and may compare the URI, in which clients differ.
 */
export function verifyDigest(answer: DigestAnswer, method: string, password: string, hash: Hash): boolean {
  const expected = digestOf(answer, method, password, hash);
  // In constant time.
  let difference = expected.length ^ answer.response.length;
  for (let i = 0; i < expected.length; i += 1) {
    difference |= expected.charCodeAt(i) ^ (answer.response.charCodeAt(i) || 0);
  }
  return difference === 0;
}

/** RFC 7616 §3.4.1; without qop RFC 2069 §2.1.1. */
function digestOf(answer: DigestAnswer, method: string, password: string, hash: Hash): string {
  const known = hash(answer.algorithm, `${answer.user}:${answer.realm}:${password}`);
  const secret = answer.isSession ? hash(answer.algorithm, `${known}:${answer.nonce}:${answer.clientNonce}`) : known;
  const request = hash(answer.algorithm, `${method}:${answer.uri}`);
  const middle = answer.qop ? `${answer.nonce}:${answer.count}:${answer.clientNonce}:${answer.qop}` : answer.nonce;
  return hash(answer.algorithm, `${secret}:${middle}:${request}`);
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function encodeBase64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function decodeBase64(text: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    // atob fails only if the text is not base64.
    return undefined;
  }
}
