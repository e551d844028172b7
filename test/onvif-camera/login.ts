import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { SoapRequest } from '../../agent/demo-camera/onvif-server.ts';
import { type DigestAlgorithm, parseAuthorization, verifyDigest } from '../../agent/media/rtsp/digest.ts';
import { find, findText } from '../../agent/onvif/soap/xml/xml.ts';
import type { CameraState } from './state.ts';

/** Sent in place of an operation's answer. */
export interface Refusal {
  readonly status: number;
  readonly subcode: string;
  readonly reason: string;
  readonly challenges: readonly string[];
}

/** ONVIF Core §5.9.3, class PRE_AUTH. */
const WITHOUT_LOGIN = new Set([
  'GetServices',
  'GetCapabilities',
  'GetServiceCapabilities',
  'GetHostname',
  'GetEndpointReference',
]);
const DEFAULT_WINDOW_MS = 300_000;
const REALM = 'IP Camera(C1234)';
const MAX_REMEMBERED = 1_000;

const hash = (algorithm: DigestAlgorithm, text: string): string => createHash(algorithm).update(text).digest('hex');

/** Access to the camera's services, and its answers to the others. */
export class LoginDesk {
  readonly #state: CameraState;
  /** Uses of each nonce of Digest. */
  readonly #nonces = new Map<string, number>();
  readonly #usedTokens = new Set<string>();
  /** Wrong logins in a row. */
  failures = 0;
  #lockedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(state: CameraState) {
    this.#state = state;
  }

  /** @returns undefined when the request may pass */
  check(request: IncomingMessage, soap: SoapRequest): Refusal | undefined {
    const { quirks, credentials, clock } = this.#state;
    if (!credentials || this.#isFree(soap.operation)) {
      return undefined;
    }
    const hasToken = find(soap.root, 'Header', 'Security') !== undefined;
    if (hasToken && quirks.mustUnderstandFault) {
      return { status: 500, subcode: 'MustUnderstand', reason: 'Security must be understood', challenges: [] };
    }
    const authorization = request.headers.authorization;
    if (clock.monoMs() < this.#lockedUntilMs) {
      return {
        status: 400,
        subcode: 'NotAuthorized',
        reason: 'The account is locked, try again later',
        challenges: [],
      };
    }
    const refusal = this.#look(request, soap, hasToken);
    if (!refusal) {
      this.failures = 0;
    } else if (hasToken || authorization !== undefined) {
      this.#fail(refusal);
    }
    return refusal;
  }

  /** A request without SOAP, such as that for a picture. */
  checkHttp(request: IncomingMessage): Refusal | undefined {
    const { authorization } = request.headers;
    if (!this.#state.credentials) {
      return undefined;
    }
    const refusal =
      authorization === undefined ? this.#challenge('login wanted') : this.#checkAuthorization(request, authorization);
    if (refusal?.reason === WRONG) {
      this.#state.wrongLogins.push('picture');
    }
    return refusal;
  }

  #isFree(operation: string): boolean {
    const { quirks } = this.#state;
    return operation === 'GetSystemDateAndTime'
      ? !quirks.timeWantsLogin
      : WITHOUT_LOGIN.has(operation) && !quirks.servicesWantLogin;
  }

  /** An unneeded token (the camera wants Digest) or an old nonce does not count as a wrong password. */
  #fail({ reason }: Refusal): void {
    const { lockOut } = this.#state.quirks;
    if (reason !== WRONG) {
      return;
    }
    this.failures += 1;
    this.#state.wrongLogins.push('onvif');
    if (lockOut && this.failures >= lockOut.after) {
      this.failures = 0;
      this.#lockedUntilMs = this.#state.clock.monoMs() + lockOut.forMs;
    }
  }

  #look(request: IncomingMessage, soap: SoapRequest, hasToken: boolean): Refusal | undefined {
    const { login = 'either', refusesTokenBesideDigest } = this.#state.quirks;
    const authorization = request.headers.authorization;
    if (login === 'token' || (login === 'either' && hasToken && authorization === undefined)) {
      return hasToken ? this.#checkToken(soap) : this.#refuseToken('sender not authorized');
    }
    if (authorization === undefined) {
      return this.#challenge('login wanted');
    }
    if (hasToken && refusesTokenBesideDigest) {
      return this.#challenge('two logins at once');
    }
    return this.#checkAuthorization(request, authorization);
  }

  #checkToken(soap: SoapRequest): Refusal | undefined {
    const { quirks, credentials } = this.#state;
    const token = find(soap.root, 'Header', 'Security', 'UsernameToken');
    const [nonce = '', created = '', digest = ''] = ['Nonce', 'Created', 'Password'].map((name) =>
      findText(token, name),
    );
    const ageMs = Math.abs(this.#state.nowMs() - Date.parse(created));
    // NaN counts as too old.
    if (!(ageMs <= (quirks.tokenWindowMs ?? DEFAULT_WINDOW_MS))) {
      return this.#refuseToken(
        quirks.saysTimeCheckFailed ? 'Wsse authorized time check failed.' : 'sender not authorized',
      );
    }
    const bytes = Buffer.concat([Buffer.from(nonce, 'base64'), Buffer.from(created + credentials?.password)]);
    const expected = createHash('sha1').update(bytes).digest('base64');
    if (findText(token, 'Username') !== credentials?.user || digest !== expected) {
      return this.#refuseToken(WRONG);
    }
    if (this.#usedTokens.has(nonce)) {
      return this.#refuseToken('replayed');
    }
    remember(this.#usedTokens, nonce);
    return undefined;
  }

  #checkAuthorization({ method = '', url = '' }: IncomingMessage, authorization: string): Refusal | undefined {
    const { login = 'either', nonceUses = Number.POSITIVE_INFINITY } = this.#state.quirks;
    const { user = '', password = '' } = this.#state.credentials ?? {};
    const answer = parseAuthorization(authorization);
    if (answer?.scheme === 'basic') {
      const isRight = login === 'basic' && answer.user === user && answer.password === password;
      return isRight ? undefined : this.#challenge(WRONG);
    }
    if (login === 'basic' || !answer || !ALGORITHMS[login].includes(answer.algorithm)) {
      return this.#challenge('another login wanted');
    }
    const uses = this.#nonces.get(answer.nonce);
    if (answer.user !== user || answer.uri !== url || !verifyDigest(answer, method, password, hash)) {
      return this.#challenge(WRONG);
    }
    if (uses === undefined || uses >= nonceUses) {
      return this.#challenge('stale');
    }
    this.#nonces.set(answer.nonce, uses + 1);
    return undefined;
  }

  #refuseToken(reason: string): Refusal {
    return { status: this.#state.quirks.refusalStatus ?? 400, subcode: 'NotAuthorized', reason, challenges: [] };
  }

  #challenge(reason: string): Refusal {
    const { login = 'either' } = this.#state.quirks;
    const nonce = randomBytes(16).toString('hex');
    remember(this.#nonces, nonce, 0);
    const challenges =
      login === 'basic'
        ? [`Basic realm="${REALM}"`]
        : ALGORITHMS[login].map((algorithm) => this.#digestChallenge(algorithm, nonce, reason === 'stale'));
    return { status: 401, subcode: 'NotAuthorized', reason, challenges };
  }

  #digestChallenge(algorithm: DigestAlgorithm, nonce: string, isStale: boolean): string {
    const { challenge } = this.#state.quirks;
    const name = algorithm === 'md5' ? 'MD5' : 'SHA-256';
    const qop = challenge === 'auth-int too' ? 'qop="auth,auth-int"' : challenge === 'no qop' ? '' : 'qop="auth"';
    const algorithmPart = challenge === 'no algorithm' ? '' : `algorithm=${name}`;
    const stale = isStale ? 'stale=true' : '';
    const others = [`realm="${REALM}"`, `nonce="${nonce}"`, algorithmPart, stale];
    const parts = challenge === 'qop first' ? [qop, ...others] : [...others, qop];
    return `Digest ${parts.filter((part) => part !== '').join(', ')}`;
  }
}

const WRONG = 'wrong user name or password';
const ALGORITHMS: Readonly<
  Record<'either' | 'digest' | 'digest sha256' | 'digest both' | 'token', readonly DigestAlgorithm[]>
> = {
  either: ['md5'],
  digest: ['md5'],
  'digest sha256': ['sha256'],
  'digest both': ['md5', 'sha256'],
  // For pictures: tokens are for SOAP alone.
  token: ['md5'],
};

/** Drops the oldest above the limit. */
function remember(into: Set<string> | Map<string, number>, key: string, value = 0): void {
  if (into.size >= MAX_REMEMBERED) {
    into.delete(into.keys().next().value ?? '');
  }
  if (into instanceof Map) {
    into.set(key, value);
  } else {
    into.add(key);
  }
}
