import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWK,
  type JWSHeaderParameters,
} from 'jose';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError, rethrowUnexpected } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { requestServer } from './server-request.ts';

/** Bytes of the least key, RFC 7518 §3.2. */
const MIN_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };

const isSharedAlgorithm = (algorithm: string | undefined): algorithm is string =>
  algorithm !== undefined && Object.hasOwn(MIN_BYTES, algorithm);

async function publicKeys(find: ReturnType<typeof createLocalJWKSet>, header: JWSHeaderParameters) {
  const keys: CryptoKey[] = [];
  try {
    keys.push(await find(header));
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) {
      throw error;
    }
    for await (const key of error) {
      keys.push(key);
    }
  }
  return keys;
}

/** The secrets of a key set that may verify a token, RFC 7518 §6.4. Keys of other types, which are public, never do (RFC 8725 §2.1). */
function sharedKeys({ keys }: JSONWebKeySet, algorithm: string, kid: string | undefined): readonly Uint8Array[] {
  const found = keys.filter((key) => isUsable(key, algorithm, kid)).map(({ k = '' }) => Buffer.from(k, 'base64url'));
  const least = MIN_BYTES[algorithm] ?? 0;
  const long = found.filter(({ length }) => length >= least);
  if (found[0] && long.length === 0) {
    const message = `the ${algorithm} key of authJWTJWKS has ${found[0].length} bytes, at least ${least} are required`;
    throw new PerchError('unauthorized', message);
  }
  return long;
}

const isUsable = (key: JWK, algorithm: string, kid: string | undefined): boolean =>
  key.kty === 'oct' &&
  typeof key.k === 'string' &&
  (kid === undefined || key.kid === kid) &&
  (key.alg ?? algorithm) === algorithm &&
  (key.use ?? 'sig') === 'sig' &&
  (!Array.isArray(key.key_ops) || key.key_ops.includes('verify'));

/** The keys with which a token may be signed: several if its header does not name one. */
export type Jwks = (header: JWSHeaderParameters) => Promise<readonly (CryptoKey | Uint8Array)[]>;

interface JwksSettings {
  readonly url: string;
  readonly fingerprint: string;
  readonly timeoutMs: number;
}

const KEEP_MS = 3_600_000;
/** Minimum interval of fetches for unknown keys, because anyone can name a key. */
const RENEW_MS = 60_000;
/** Pause after a failed fetch. */
const RETRY_MS = 5_000;
const MAX_BYTES = 256 << 10;
const MAX_KEYS = 100;

/** Keys of a token issuer (RFC 7517 §5): fetched at first use, kept for an hour, and longer while the server is away. */
export class JwksCache {
  readonly #settings: JwksSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  #keys: Jwks | undefined;
  #refetchAtMs = Number.NEGATIVE_INFINITY;
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #failure: PerchError | undefined;
  #fetching: Promise<Jwks> | undefined;
  /** Counts refreshes: results of earlier fetches are dropped. */
  #generation = 0;

  constructor(settings: JwksSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws PerchError if there are none */
  async current(): Promise<Jwks> {
    if (this.#clock.monoMs() < this.#refetchAtMs) {
      if (this.#keys) {
        return this.#keys;
      }
      if (this.#failure) {
        throw this.#failure;
      }
    }
    this.#fetching ??= this.#fetch(this.#generation);
    return this.#fetching;
  }

  /** Called for an unknown key, which may be new: others go on with the keys that are there. @returns newer keys, if there may be some */
  async renew(known: Jwks): Promise<Jwks | undefined> {
    if (this.#keys !== known) {
      return this.#keys;
    }
    const isTime = this.#clock.monoMs() - this.#fetchedMs >= RENEW_MS;
    this.#fetching ??= isTime ? this.#fetch(this.#generation) : undefined;
    return this.#fetching;
  }

  /** The next token fetches the keys. */
  refresh(): void {
    this.#generation += 1;
    this.#keys = undefined;
    this.#failure = undefined;
    this.#fetching = undefined;
    this.#refetchAtMs = Number.NEGATIVE_INFINITY;
  }

  async #fetch(generation: number): Promise<Jwks> {
    this.#fetchedMs = this.#clock.monoMs();
    try {
      const keys = await this.#ask();
      if (generation === this.#generation) {
        if (this.#failure) {
          this.#log.info('keys of authJWTJWKS fetched again');
        }
        this.#keep(keys, undefined, KEEP_MS);
      }
      return keys;
    } catch (error) {
      rethrowUnexpected(error);
      if (generation === this.#generation) {
        if (!this.#failure) {
          this.#log.error(
            { cause: explain(error), hasKeys: this.#keys !== undefined },
            'fetching keys of authJWTJWKS failed',
          );
        }
        this.#keep(this.#keys, error, RETRY_MS);
        if (this.#keys) {
          return this.#keys;
        }
      }
      throw error;
    }
  }

  #keep(keys: Jwks | undefined, failure: PerchError | undefined, forMs: number): void {
    this.#keys = keys;
    this.#failure = failure;
    this.#fetching = undefined;
    this.#refetchAtMs = this.#clock.monoMs() + forMs;
  }

  async #ask(): Promise<Jwks> {
    const { status, text, isCut } = await requestServer({
      ...this.#settings,
      limitBytes: MAX_BYTES,
      clock: this.#clock,
    });
    if (status !== 200) {
      throw new PerchError('unavailable', `authJWTJWKS answered ${status}`);
    }
    if (isCut) {
      throw new PerchError('badInput', `authJWTJWKS has more than ${MAX_BYTES} bytes`);
    }
    return parseJwks(text);
  }
}

/** @throws PerchError if it is not a key set */
function parseJwks(text: string): Jwks {
  try {
    const json: unknown = JSON.parse(text);
    const { keys } = (json ?? {}) as { readonly keys?: unknown };
    if (!Array.isArray(keys) || keys.length > MAX_KEYS) {
      throw new PerchError('badInput', `expected at most ${MAX_KEYS} keys in the list "keys"`);
    }
    const set = json as JSONWebKeySet;
    const publicKey = createLocalJWKSet(set);
    return async (header) =>
      isSharedAlgorithm(header.alg) ? sharedKeys(set, header.alg, header.kid) : publicKeys(publicKey, header);
  } catch (cause) {
    throw new PerchError('badInput', 'the reply is not a JSON Web Key Set', {}, cause);
  }
}
