import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { PermissionRule } from '../../config/schema/general.ts';
import { excludedWords, type MachineRequest, type Machines, tokenOf, type Verdict } from './api-auth.ts';
import { KeySets } from './jwks.ts';
import { parsePermissionClaim } from './permission-claim.ts';
import { Permissions } from './permissions.ts';

export interface TokenSettings {
  readonly jwks: string;
  readonly fingerprint: string;
  readonly claimKey: string;
  /** What anybody may do without a token. */
  readonly exclude: readonly PermissionRule[];
  readonly inHttpQuery: boolean;
  /** Empty: anybody's. */
  readonly issuer: string;
  readonly audience: string;
  readonly timeoutMs: number;
}

/** The clocks of two machines are never quite the same. */
const CLOCK_TOLERANCE_S = 5;
const MAX_TOKEN_CHARACTERS = 16_384;
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** With keys that everybody may know: what is made with a shared secret could be made by anybody who reads the list. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** `authMethod: jwt`: a signed token says what its bearer may do. */
export class Tokens implements Machines {
  readonly #settings: TokenSettings;
  readonly #exclude: Permissions;
  readonly #keys: KeySets;
  readonly #clock: Clock;

  constructor(settings: TokenSettings, clock: Clock, log: Logger) {
    const { jwks: url, fingerprint, timeoutMs } = settings;
    this.#settings = settings;
    this.#exclude = new Permissions(settings.exclude, 'authJWTExclude');
    this.#keys = new KeySets({ url, fingerprint, timeoutMs }, clock, log);
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#exclude.has('read');
  }

  get warnings(): readonly string[] {
    return this.#exclude.problems;
  }

  refresh(): void {
    this.#keys.refresh();
  }

  get anonymous(): string | undefined {
    return this.#settings.exclude.length > 0 ? 'authJWTExclude' : undefined;
  }

  async decide(request: MachineRequest, allowsAnonymous: boolean): Promise<Verdict> {
    if (allowsAnonymous && this.#exclude.allows(request.action, request.path)) {
      return { allowed: true, reason: 'authJWTExclude' };
    }
    const { token, isFromQuery } = tokenOf(request, request.protocol === 'rtsp' || this.#settings.inHttpQuery);
    if (token === '') {
      return { allowed: false, reason: 'no token' };
    }
    try {
      const { user, permissions } = await this.#read(token);
      return permissions.allows(request.action, request.path)
        ? { allowed: true, reason: `token of ${user || 'nobody by name'}`, user, isKnown: true }
        : { allowed: false, reason: `the token allows ${permissions.words}`, isKnown: true };
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      return { allowed: false, reason: explain(error), isGuess: isFromQuery };
    }
  }

  async explain({ action, path }: MachineRequest, allowsAnonymous: boolean) {
    const excluded = this.#exclude.allows(action, path);
    const steps = [`authJWTExclude (${this.#exclude.words}): ${excludedWords(excluded, allowsAnonymous)}`];
    if (excluded && allowsAnonymous) {
      return { allowed: true, steps };
    }
    const { claimKey, issuer, audience } = this.#settings;
    const from = `${issuer && ` from ${issuer}`}${audience && ` for ${audience}`}`;
    const wanted = `${action}${path && ` ${path}`}`;
    return {
      allowed: undefined,
      steps: [
        ...steps,
        `a token${from}, signed with a key of authJWTJWKS, whose ${claimKey} allows ${wanted}, would let in`,
      ],
    };
  }

  /** RFC 7519 §4.1: signature, exp, nbf, iat, iss, aud. */
  async #read(token: string): Promise<{ user: string; permissions: Permissions }> {
    if (token.length > MAX_TOKEN_CHARACTERS || !SHAPE.test(token)) {
      throw new PerchError('unauthorized', 'not a token');
    }
    const payload = await this.#payloadOf(token);
    const { claimKey } = this.#settings;
    const rules = parsePermissionClaim(payload[claimKey], claimKey);
    return { user: typeof payload.sub === 'string' ? payload.sub : '', permissions: new Permissions(rules, claimKey) };
  }

  async #payloadOf(token: string): Promise<JWTPayload> {
    try {
      return await this.#verify(token);
    } catch (cause) {
      if (!(cause instanceof errors.JWKSNoMatchingKey) || !this.#keys.renew()) {
        throw refusal(cause);
      }
    }
    return this.#verify(token).catch((cause: unknown) => {
      throw refusal(cause);
    });
  }

  async #verify(token: string): Promise<JWTPayload> {
    const keys = await this.#keys.current();
    const { issuer, audience } = this.#settings;
    const nowMs = this.#clock.wallMs();
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(nowMs),
      ...(issuer === '' ? {} : { issuer }),
      ...(audience === '' ? {} : { audience }),
    });
    if ((payload.iat ?? 0) > nowMs / 1000 + CLOCK_TOLERANCE_S) {
      throw new PerchError('unauthorized', 'the token was made in the future (iat)');
    }
    return payload;
  }
}

/** Claims that do not hold, in words (RFC 7519 §4.1). */
const UNFIT: Readonly<Record<string, string>> = {
  exp: 'the token has expired (exp)',
  nbf: 'the token is not valid yet (nbf)',
  iss: 'the token is from somebody else (iss)',
  aud: 'the token is for somebody else (aud)',
};

/** Whatever a key or a token makes the libraries say: it is no proof. */
function refusal(cause: unknown): PerchError {
  if (cause instanceof PerchError) {
    return cause;
  }
  if (cause instanceof errors.JWTExpired || cause instanceof errors.JWTClaimValidationFailed) {
    // Their own cause is the whole payload, which is nobody's business.
    const words = cause.reason === 'check_failed' ? UNFIT[cause.claim] : undefined;
    return new PerchError('unauthorized', words ?? `the token is refused: ${cause.message}`);
  }
  return new PerchError('unauthorized', 'the token is refused', {}, cause);
}
