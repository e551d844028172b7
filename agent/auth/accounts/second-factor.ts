import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import type { Clock } from '../../base/clock.ts';
import { loadPrivate, savePrivate } from '../../base/durable-file.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { SerialQueue } from '../../base/serial-queue.ts';
import { otpauthUri, stepOf } from '../passwords/totp.ts';
import type { SecretKey } from './secret-key.ts';

/** RFC 4226, section 4, R6. */
const SECRET_BYTES = 20;
const RECOVERY_CODES = 10;
const RECOVERY_GROUPS = 2;
const RECOVERY_GROUP_CHARS = 5;
/** Without similar letters or digits and without capitals: it is typed from paper. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
/** Until then the first code confirms a new secret. */
const MAX_SETUP_MS = 15 * 60_000;
const ISSUER = 'Perch';
export const FACTOR_FILE = 'second-factor.json';

const Stored = Type.Object({
  /** Changes with each setup. */
  id: Type.String({ maxLength: 32 }),
  /** Base64url, encrypted with the key of secret.json. */
  sealed: Type.String({ maxLength: 200 }),
  /** Of the last accepted code. */
  lastStep: Type.Number(),
  /** SHA-256 of each unused recovery code. */
  recovery: Type.Array(Type.String({ maxLength: 64 }), { maxItems: RECOVERY_CODES }),
});
type Stored = Static<typeof Stored>;

interface Setup {
  readonly secret: Buffer;
  readonly startedMonoMs: number;
}

/**
 * The owner's second factor: codes of an authenticator app and ten recovery codes, each accepted once, in `second-factor.json` of the data
 * folder. A damaged file accepts no code: `perch reset-password` removes it.
 */
export class SecondFactor {
  readonly #file: string;
  readonly #key: SecretKey;
  readonly #clock: Clock;
  readonly #changes = new SerialQueue();
  #stored: Stored | undefined;
  #setup: Setup | undefined;

  static async open(dataDir: string, key: SecretKey, clock: Clock, log: Logger): Promise<SecondFactor> {
    const factor = new SecondFactor(join(dataDir, FACTOR_FILE), key, clock);
    const stored = await loadPrivate(factor.#file).catch((error: unknown) => explain(error));
    if (Check(Stored, stored)) {
      factor.#stored = stored;
    } else if (stored !== undefined) {
      log.error({ file: factor.#file }, 'second factor is damaged and accepts no code: run perch reset-password');
      factor.#stored = { id: '', sealed: '', lastStep: 0, recovery: [] };
    }
    return factor;
  }

  /** Also true for a damaged file. */
  static async exists(dataDir: string): Promise<boolean> {
    return (await loadPrivate(join(dataDir, FACTOR_FILE)).catch(() => true)) !== undefined;
  }

  static async forget(dataDir: string): Promise<void> {
    await rm(join(dataDir, FACTOR_FILE), { force: true });
  }

  private constructor(file: string, key: SecretKey, clock: Clock) {
    this.#file = file;
    this.#key = key;
    this.#clock = clock;
  }

  /** Changes with each setup; undefined: there is none. */
  get id(): string | undefined {
    return this.#stored?.id;
  }

  /** Unused recovery codes. */
  get recoveryLeft(): number {
    return this.#stored?.recovery.length ?? 0;
  }

  /** Begins a setup, in place of an unfinished one. @returns the secret, which is not shown again */
  begin(account: string): { readonly uri: string } {
    if (this.#stored) {
      throw new PerchError('badInput', 'there is a second factor already: remove it first');
    }
    const secret = randomBytes(SECRET_BYTES);
    this.#setup = { secret, startedMonoMs: this.#clock.monoMs() };
    return { uri: otpauthUri(secret, ISSUER, account) };
  }

  /** Ends the setup with the app's first code. @returns the recovery codes, which are not shown again @throws PerchError */
  confirm(code: string): Promise<readonly string[]> {
    return this.#changes.run(async () => {
      const setup = this.#setup;
      if (!setup || this.#stored || this.#clock.monoMs() - setup.startedMonoMs > MAX_SETUP_MS) {
        throw new PerchError('badInput', 'the setup of the second factor has ended: start again');
      }
      const step = stepOf(setup.secret, plain(code), this.#clock.wallMs(), 0);
      if (step === undefined) {
        throw new PerchError('unauthorized', 'wrong code');
      }
      const codes = Array.from({ length: RECOVERY_CODES }, makeRecoveryCode);
      const id = randomBytes(12).toString('base64url');
      await this.#save({
        id,
        sealed: this.#key.seal('secondFactor', setup.secret.toString('base64url'), id),
        lastStep: step,
        recovery: codes.map((one) => hashOf(plain(one))),
      });
      this.#setup = undefined;
      return codes;
    });
  }

  /** Whether it is a code of the app or a recovery code, which is used up. @throws PerchError if that cannot be saved */
  accept(code: string): Promise<boolean> {
    return this.#changes.run(async () => {
      const stored = this.#stored;
      if (!stored) {
        return false;
      }
      const given = plain(code);
      const secret = this.#key.unseal('secondFactor', stored.sealed, stored.id);
      const step =
        secret === undefined
          ? undefined
          : stepOf(Buffer.from(secret, 'base64url'), given, this.#clock.wallMs(), stored.lastStep);
      const recovery = stored.recovery.filter((hash) => !isSameHash(hash, hashOf(given)));
      if (step === undefined && recovery.length === stored.recovery.length) {
        return false;
      }
      await this.#save({ ...stored, recovery, lastStep: step ?? stored.lastStep });
      return true;
    });
  }

  remove(): Promise<void> {
    return this.#changes.run(async () => {
      await rm(this.#file, { force: true });
      this.#stored = undefined;
      this.#setup = undefined;
    });
  }

  async #save(stored: Stored): Promise<void> {
    await savePrivate(this.#file, stored);
    this.#stored = stored;
  }
}

/** Apps show codes in groups. */
const plain = (code: string): string => code.replace(/[\s-]/g, '').toLowerCase();

const hashOf = (code: string): string => createHash('sha256').update(code).digest('hex');

const isSameHash = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

const makeRecoveryCode = (): string =>
  Array.from({ length: RECOVERY_GROUPS }, () =>
    Array.from({ length: RECOVERY_GROUP_CHARS }, () => ALPHABET[randomInt(ALPHABET.length)]).join(''),
  ).join('-');
