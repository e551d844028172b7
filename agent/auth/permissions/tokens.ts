import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError, rethrowUnexpected } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { PermissionRule } from '../../config/schema/common/general.ts';
import { type ApiAuth, type AuthRequest, excludedWords, tokenOf, type Verdict } from './api-auth.ts';
import { type Jwks, JwksCache } from './jwks.ts';
import { Permissions } from './permissions.ts';

export interface TokenSettings {
  readonly jwks: string;
  readonly fingerprint: string;
  readonly claimKey: string;
  /** Permitted to anyone, without a token. */
  readonly exclude: readonly PermissionRule[];
  readonly inHttpQuery: boolean;
  /** Empty: any. */
  readonly issuer: string;
  readonly audience: string;
  readonly timeoutMs: number;
}

/** Tolerated difference between the clocks of two machines. */
const CLOCK_TOLERANCE_S = 5;
const ACTIONS: ReadonlySet<unknown> = new Set(['publish', 'read', 'playback', 'api', 'metrics', 'pprof']);
const isAction = (value: unknown): value is PermissionRule['action'] => ACTIONS.has(value);
const MAX_RULES = 1_000;
const MAX_PATH_CHARACTERS = 1_000;
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** HS needs a key of `kty: oct`: a public key never verifies it (RFC 8725 §2.1). */
const ALGORITHMS = 'HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

/** `authMethod: jwt`: a signed token contains the permissions. */
export class Tokens implements ApiAuth {
  readonly #settings: TokenSettings;
  readonly #exclude: Permissions;
  readonly #keys: JwksCache;
  readonly #clock: Clock;

  constructor(settings: TokenSettings, clock: Clock, log: Logger) {
    const { jwks: url, fingerprint, timeoutMs } = settings;
    this.#settings = settings;
    this.#exclude = new Permissions(settings.exclude, 'authJWTExclude');
    this.#keys = new JwksCache({ url, fingerprint, timeoutMs }, clock, log);
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

  async decide(request: AuthRequest, allowsAnonymous: boolean): Promise<Verdict> {
    if (allowsAnonymous && this.#exclude.allows(request.action, request.path)) {
      return { allowed: true, reason: 'authJWTExclude' };
    }
    const { token, isFromQuery } = tokenOf(request, request.mayHaveQueryToken || this.#settings.inHttpQuery);
    if (token === '') {
      return { allowed: false, reason: 'no token' };
    }
    try {
      const { user, permissions } = await this.#read(token);
      return permissions.allows(request.action, request.path)
        ? { allowed: true, reason: `token of ${user || 'an unnamed user'}`, user, isKnown: true }
        : { allowed: false, reason: `the token allows ${permissions.words}`, isKnown: true };
    } catch (error) {
      rethrowUnexpected(error);
      return { allowed: false, reason: explain(error), isGuess: isFromQuery };
    }
  }

  async explain({ action, path }: AuthRequest, allowsAnonymous: boolean) {
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
        `a token${from}, signed with a key of authJWTJWKS, whose ${claimKey} allows ${wanted}, is permitted`,
      ],
    };
  }

  /** RFC 7519 §4.1: signature, exp, nbf, iat, iss, aud. */
  async #read(token: string): Promise<{ user: string; permissions: Permissions }> {
    if (token.length > 16_384 || !SHAPE.test(token)) {
      throw new PerchError('unauthorized', 'not a token');
    }
    const payload = await this.#payloadOf(token);
    const { claimKey } = this.#settings;
    const rules = parsePermissionClaim(payload[claimKey], claimKey);
    return { user: typeof payload.sub === 'string' ? payload.sub : '', permissions: new Permissions(rules, claimKey) };
  }

  async #payloadOf(token: string): Promise<JWTPayload> {
    let keys: Jwks | undefined;
    try {
      keys = await this.#keys.current();
      return await this.#verify(token, keys);
    } catch (cause) {
      // A token that names no key fails by its signature when the issuer has changed its keys.
      const isNewKey =
        cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWSSignatureVerificationFailed;
      keys = isNewKey && keys ? await this.#keys.renew(keys) : undefined;
      if (!keys) {
        throw refusal(cause);
      }
    }
    return this.#verify(token, keys).catch((cause: unknown) => {
      throw refusal(cause);
    });
  }

  async #verify(token: string, keys: Jwks): Promise<JWTPayload> {
    const { issuer, audience } = this.#settings;
    const nowMs = this.#clock.wallMs();
    const payload = await verifyWithAny(token, await keys(decodeProtectedHeader(token)), {
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(nowMs),
      ...(issuer === '' ? {} : { issuer }),
      ...(audience === '' ? {} : { audience }),
    });
    if ((payload.iat ?? 0) > nowMs / 1000 + CLOCK_TOLERANCE_S) {
      throw new PerchError('unauthorized', 'the token was issued in the future (iat)');
    }
    return payload;
  }
}

async function verifyWithAny(token: string, keys: Awaited<ReturnType<Jwks>>, options: JWTVerifyOptions) {
  let failure: unknown = new errors.JWKSNoMatchingKey();
  for (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      const isOfKey = error instanceof errors.JWSSignatureVerificationFailed;
      // A TypeError: the key itself is unfit, such as RSA of 1,024 bits.
      if (error instanceof errors.JOSEError && !isOfKey) {
        throw error;
      }
      failure = isOfKey || !(failure instanceof errors.JWSSignatureVerificationFailed) ? error : failure;
    }
  }
  throw failure;
}

/** Invalid claims (RFC 7519 §4.1). */
const INVALID: Readonly<Record<string, string>> = {
  exp: 'the token has expired (exp)',
  nbf: 'the token is not valid yet (nbf)',
  iss: 'the token is from another issuer (iss)',
  aud: 'the token is for another audience (aud)',
};

/** Any error of the libraries means that the token is invalid. */
function refusal(cause: unknown): PerchError {
  if (cause instanceof PerchError) {
    return cause;
  }
  if (cause instanceof errors.JWTExpired || cause instanceof errors.JWTClaimValidationFailed) {
    // Without the cause, which contains the whole payload.
    const words = cause.reason === 'check_failed' ? INVALID[cause.claim] : undefined;
    return new PerchError('unauthorized', words ?? `the token is invalid: ${cause.message}`);
  }
  return new PerchError('unauthorized', 'the token is invalid', {}, cause);
}

/** A token's permissions: a list of `{ action, path }`, or that list as JSON text, because some identity servers write only text. */
export function parsePermissionClaim(claim: unknown, name: string): readonly PermissionRule[] {
  const list = typeof claim === 'string' ? jsonOf(claim, name) : claim;
  if (list === undefined) {
    throw new PerchError('unauthorized', `the token has no claim ${name}`);
  }
  if (!Array.isArray(list)) {
    throw new PerchError('unauthorized', `the token's claim ${name} is not a list`);
  }
  if (list.length > MAX_RULES) {
    throw new PerchError(
      'unauthorized',
      `the token's claim ${name} has ${list.length} items, the limit is ${MAX_RULES}`,
    );
  }
  return list.map((item, i) => ruleOf(item, `${name}[${i}]`));
}

function ruleOf(item: unknown, where: string): PermissionRule {
  if (typeof item !== 'object' || item === null) {
    throw new PerchError('unauthorized', `the token's claim ${where} is not an object`);
  }
  const { action, path = '' } = item as { readonly action?: unknown; readonly path?: unknown };
  if (!isAction(action)) {
    throw new PerchError('unauthorized', `the token's claim ${where} has an unknown action`);
  }
  if (typeof path !== 'string' || path.length > MAX_PATH_CHARACTERS) {
    throw new PerchError(
      'unauthorized',
      `the path of the token's claim ${where} is not a text of at most ${MAX_PATH_CHARACTERS} characters`,
    );
  }
  return { action, path };
}

function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PerchError('unauthorized', `the token's claim ${name} is not JSON`, {}, cause);
  }
}
