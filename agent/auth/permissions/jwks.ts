import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { askServer } from './auth-http-request.ts';

export type KeySet = ReturnType<typeof createLocalJWKSet>;

export interface KeySetSettings {
  readonly url: string;
  readonly fingerprint: string;
  readonly timeoutMs: number;
}

const KEEP_MS = 3_600_000;
/** A token with a key that is not there has them fetched anew, this often at most: anybody can name a key. */
const RENEW_MS = 60_000;
/** A server that is away is not asked again for each request. */
const RETRY_MS = 5_000;
const LIMIT_BYTES = 256 << 10;
const KEYS_LIMIT = 100;

/** The public keys of whoever makes tokens (RFC 7517 §5): fetched at first use, kept for an hour, and longer while their server is away. */
export class KeySets {
  readonly #settings: KeySetSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  #keys: KeySet | undefined;
  #asksAgainMs = Number.NEGATIVE_INFINITY;
  #askedMs = Number.NEGATIVE_INFINITY;
  #failure: PerchError | undefined;
  #fetching: Promise<KeySet> | undefined;
  /** Counts refreshes: what was asked for before one is not kept. */
  #generation = 0;

  constructor(settings: KeySetSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws PerchError while there are none */
  async current(): Promise<KeySet> {
    if (this.#clock.monoMs() < this.#asksAgainMs) {
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

  /** A key is missing: perhaps it has been made since. @returns whether the next ask fetches them anew */
  renew(): boolean {
    if (this.#clock.monoMs() - this.#askedMs < RENEW_MS) {
      return false;
    }
    this.#asksAgainMs = Number.NEGATIVE_INFINITY;
    return true;
  }

  /** The next token wants them anew. */
  refresh(): void {
    this.#generation += 1;
    this.#keys = undefined;
    this.#failure = undefined;
    this.#fetching = undefined;
    this.#asksAgainMs = Number.NEGATIVE_INFINITY;
  }

  async #fetch(generation: number): Promise<KeySet> {
    this.#askedMs = this.#clock.monoMs();
    try {
      const keys = await this.#ask();
      if (generation === this.#generation) {
        if (this.#failure) {
          this.#log.info('keys of authJWTJWKS are there again');
        }
        this.#keep(keys, undefined, KEEP_MS);
      }
      return keys;
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      if (generation === this.#generation) {
        if (!this.#failure) {
          this.#log.error(
            { cause: explain(error), hasKeys: this.#keys !== undefined },
            'keys of authJWTJWKS cannot be fetched',
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

  #keep(keys: KeySet | undefined, failure: PerchError | undefined, forMs: number): void {
    this.#keys = keys;
    this.#failure = failure;
    this.#fetching = undefined;
    this.#asksAgainMs = this.#clock.monoMs() + forMs;
  }

  async #ask(): Promise<KeySet> {
    const { status, text, isCut } = await askServer({ ...this.#settings, limitBytes: LIMIT_BYTES, clock: this.#clock });
    if (status !== 200) {
      throw new PerchError('unavailable', `authJWTJWKS answered ${status}`);
    }
    if (isCut) {
      throw new PerchError('badInput', `authJWTJWKS has more than ${LIMIT_BYTES} bytes`);
    }
    return parseKeySet(text);
  }
}

/** @throws PerchError for what is no list of keys */
export function parseKeySet(text: string): KeySet {
  try {
    const json: unknown = JSON.parse(text);
    const { keys } = (json ?? {}) as { readonly keys?: unknown };
    if (!Array.isArray(keys) || keys.length > KEYS_LIMIT) {
      throw new PerchError('badInput', `expected at most ${KEYS_LIMIT} keys in the list "keys"`);
    }
    return createLocalJWKSet(json as JSONWebKeySet);
  } catch (cause) {
    throw new PerchError('badInput', 'the answer is no JSON Web Key Set', {}, cause);
  }
}
