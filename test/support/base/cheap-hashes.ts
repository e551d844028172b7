import crypto, { type BinaryLike, type ScryptOptions } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

type Done = (error: Error | null, key: Buffer) => void;

/** The cost of a password hash, a fifth of a second of a core: see `auth/passwords/password-hash.ts`. */
const DEAR = { N: 16_384, p: 5 };
const CHEAP = { N: 16, p: 1 };

/** The real function is kept in `globalThis`: a second load of this file in a worker would find the cheap one in `crypto`. */
const shared = globalThis as { realScrypt?: typeof crypto.scrypt };
shared.realScrypt ??= crypto.scrypt;
const real = shared.realScrypt;
const isDear = ({ N, p }: ScryptOptions): boolean => N === DEAR.N && p === DEAR.p;
const cheap = (password: BinaryLike, salt: BinaryLike, bytes: number, options: ScryptOptions, done: Done): void =>
  real(password, salt, bytes, isDear(options) ? { ...options, ...CHEAP } : options, done);

/** Most tests do not measure a hash: in their own process it is as cheap as scrypt allows. */
export function makeHashesCheap(isCheap = true): void {
  crypto.scrypt = (isCheap ? cheap : real) as typeof crypto.scrypt;
  syncBuiltinESMExports();
}
