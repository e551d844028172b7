import { createHash, timingSafeEqual } from 'node:crypto';
import { explain, rethrowUnexpected } from '../../base/errors.ts';
import { type Argon2Parameters, parseArgon2 } from './argon2.ts';
import type { HashQueue } from './hash-queue.ts';

/** A user name or password of the file: plain, `sha256:` or `argon2:`. */
export interface Credential {
  /** Whether the check takes long. */
  readonly isSlow: boolean;
  /** The configured text; undefined if only its hash is known. */
  readonly plain: string | undefined;
  /** @param ip of the client, canonical */
  matches(given: string, ip: string): boolean | Promise<boolean>;
}

const SHA256 = 'sha256:';
const ARGON2 = 'argon2:';
const SHA256_BYTES = 32;
const NEVER: Credential = { isSlow: false, plain: undefined, matches: () => false };

/** @param problems receives a line for a credential that cannot match */
export function compileCredential(
  configured: string,
  where: string,
  checks: HashQueue,
  problems: string[],
): Credential {
  if (configured.startsWith(ARGON2)) {
    const hash = parsed(configured.slice(ARGON2.length), where, problems);
    // An empty password gets a challenge without the pause for wrong ones, so it must be cheap.
    const matches = (given: string, ip: string) => given !== '' && hash !== undefined && checks.check(given, hash, ip);
    return hash ? { isSlow: true, plain: undefined, matches } : NEVER;
  }
  if (!configured.startsWith(SHA256)) {
    const expected = sha256(configured);
    const matches = (given: string) => timingSafeEqual(sha256(given), expected);
    return { isSlow: false, plain: configured, matches };
  }
  const expected = Buffer.from(configured.slice(SHA256.length), 'base64');
  if (expected.length !== SHA256_BYTES) {
    problems.push(`${where}: sha256 digest of ${expected.length} bytes, expected ${SHA256_BYTES} in base64`);
    return NEVER;
  }
  return { isSlow: false, plain: undefined, matches: (given) => timingSafeEqual(sha256(given), expected) };
}

function parsed(text: string, where: string, problems: string[]): Argon2Parameters | undefined {
  try {
    return parseArgon2(text);
  } catch (error) {
    rethrowUnexpected(error);
    problems.push(`${where}: ${explain(error)}`);
    return undefined;
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
