import { createHash, createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';
import { mayFollow } from '../passkeys/challenges.ts';
import { Passkey } from '../passkeys/passkey.ts';
import type { SecretKey } from './secret-key.ts';

/** Time-based one-time passwords (RFC 6238) with SHA-1, six digits and 30 s: what authenticator apps support. */
const STEP_MS = 30_000;
const DIGITS = 6;
/** Steps before and after the current one that are accepted: clocks differ. */
const DRIFT_STEPS = 1;
/** Base 32 (RFC 4648, section 6). */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** HOTP (RFC 4226, section 5.3) of a step. */
export function totpCode(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 15;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** DIGITS).padStart(DIGITS, '0');
}

/** The time step after `lastStep` whose code this is. */
export function stepOf(secret: Uint8Array, code: string, wallMs: number, lastStep: number): number | undefined {
  const given = Buffer.from(code);
  const now = Math.floor(wallMs / STEP_MS);
  let found: number | undefined;
  for (let step = now - DRIFT_STEPS; step <= now + DRIFT_STEPS; step += 1) {
    const right = Buffer.from(totpCode(secret, step));
    if (given.length === right.length && timingSafeEqual(given, right) && step > lastStep) {
      found = step;
    }
  }
  return found;
}

export function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}

/** URI for authenticator apps, as a QR code or link. @param label label of the account */
export function otpauthUri(secret: Uint8Array, issuer: string, label: string): string {
  const name = encodeURIComponent(`${issuer}:${label}`);
  return `otpauth://totp/${name}?secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}`;
}

/** Length of the shared secret: 160 bits, as RFC 4226, section 4, R6 recommends. */
const SECRET_BYTES = 20;
const ID_BYTES = 12;
const RECOVERY_CODES = 10;
const RECOVERY_GROUPS = 2;
const RECOVERY_GROUP_CHARS = 5;
/** Characters of recovery codes: no look-alikes and no capitals, because they are typed from paper. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
const MAX_PASSKEYS = 20;
const ISSUER = 'Perch';
export const FACTOR_FILE = 'second-factor.json';

const Stored = Type.Object({
  /** Id that changes each time the second factor is turned on. */
  id: Type.String({ maxLength: 32 }),
  /** Authenticator app; absent: there are only passkeys. */
  app: Type.Optional(
    Type.Object({
      /** Secret of the app, encrypted with the key of secret.json, as base64url. */
      sealed: Type.String({ maxLength: 200 }),
      /** Time step (RFC 6238) of the last accepted code. */
      lastStep: Type.Number(),
    }),
  ),
  /** SHA-256 of each unused recovery code. */
  recovery: Type.Array(Type.String({ maxLength: 64 }), { maxItems: RECOVERY_CODES }),
  passkeys: Type.Array(Passkey, { maxItems: MAX_PASSKEYS }),
});
type Stored = Static<typeof Stored>;

/** How long the first code can confirm a new secret. */
const SETUP_MS = 15 * 60_000;
/** Clocks of servers with one database differ. */
const SERVERS_DRIFT_MS = 60_000;

/**
 * The owner's second factor in `second-factor.json` of the data folder: codes of an authenticator app and ten recovery codes, each accepted
 * once, and passkeys. A damaged file accepts none: `perch reset-password` removes it.
 */
export class SecondFactor {
  readonly #document: StoredDocument<typeof Stored>;
  readonly #key: SecretKey;
  readonly #clock: Clock;
  #stored: Stored | undefined;

  static async open(dataDir: string, key: SecretKey, clock: Clock, log: Logger): Promise<SecondFactor> {
    const factor = new SecondFactor(documentIn(dataDir), key, clock);
    try {
      factor.#document.follow((stored) => {
        factor.#stored = stored;
      });
      factor.#stored = await factor.#document.load();
    } catch (error) {
      if (factor.#document.isShared) {
        throw error;
      }
      log.error(
        { file: factor.#document.file, cause: explain(error) },
        'second factor is damaged and accepts no code or passkey: run perch reset-password',
      );
      factor.#stored = { id: '', recovery: [], passkeys: [] };
    }
    return factor;
  }

  /** Whether the second factor is on. Also true if the file is damaged. */
  static async exists(dataDir: string): Promise<boolean> {
    return (
      (await documentIn(dataDir)
        .load()
        .catch(() => true)) !== undefined
    );
  }

  static forget(dataDir: string): Promise<void> {
    return documentIn(dataDir).remove();
  }

  private constructor(document: StoredDocument<typeof Stored>, key: SecretKey, clock: Clock) {
    this.#document = document;
    this.#key = key;
    this.#clock = clock;
  }

  /** Id that changes each time the second factor is turned on, or undefined if it is off. */
  get id(): string | undefined {
    return this.#stored?.id;
  }

  get hasApp(): boolean {
    return this.#stored?.app !== undefined;
  }

  /** Number of unused recovery codes. */
  get recoveryLeft(): number {
    return this.#stored?.recovery.length ?? 0;
  }

  get passkeys(): readonly Passkey[] {
    return this.#stored?.passkeys ?? [];
  }

  /**
   * Begins the setup of an app. Nothing of it is kept here, because another server may end it.
   * @returns the secret, which is not shown again, and the same encrypted, for `confirm`
   */
  begin(account: string): { readonly uri: string; readonly setup: string } {
    const secret = randomBytes(SECRET_BYTES);
    const text = JSON.stringify([secret.toString('base64url'), this.#clock.wallMs()]);
    return {
      uri: otpauthUri(secret, ISSUER, account),
      setup: this.#key.seal('secondFactorSetup', text, this.id ?? ''),
    };
  }

  /** Ends the setup with the first code of the app, which replaces an earlier one. @returns as `#extend` @throws PerchError */
  confirm(code: string, setup: string): Promise<readonly string[]> {
    return this.#document.change(async () => {
      const secret = this.#secretOf(setup);
      if (!secret) {
        throw new PerchError('badInput', 'the setup of the second factor has ended: start again');
      }
      const step = stepOf(secret, plain(code), this.#clock.wallMs(), 0);
      if (step === undefined) {
        throw new PerchError('unauthorized', 'wrong code', { why: 'wrongCode' });
      }
      return this.#extend((stored) => ({
        ...stored,
        app: { sealed: this.#key.seal('secondFactor', secret.toString('base64url'), stored.id), lastStep: step },
      }));
    });
  }

  /** The secret of a setup that has begun a moment ago, when the second factor was the present one. */
  #secretOf(setup: string): Buffer | undefined {
    const text = this.#key.unseal('secondFactorSetup', setup, this.id ?? '');
    if (text === undefined) {
      return undefined;
    }
    const [secret, startedMs] = JSON.parse(text) as [string, number];
    const ageMs = this.#clock.wallMs() - startedMs;
    return ageMs >= -SERVERS_DRIFT_MS && ageMs <= SETUP_MS ? Buffer.from(secret, 'base64url') : undefined;
  }

  /** @returns as `#extend` @throws PerchError badInput */
  addPasskey(passkey: Passkey): Promise<readonly string[]> {
    return this.#document.change(() => {
      if (this.passkeys.length >= MAX_PASSKEYS) {
        throw new PerchError('badInput', `there are ${MAX_PASSKEYS} passkeys already: remove one`, { why: 'limit' });
      }
      const others = this.passkeys.filter(({ id }) => id !== passkey.id);
      return this.#extend((stored) => ({ ...stored, passkeys: [...others, passkey] }));
    });
  }

  /**
   * @param counter signature counter of the passkey
   * @returns whether the challenge is new: of two servers that are sent the same one, one accepts it
   */
  async passkeyUsed(used: string, counter: number, challenge: string): Promise<boolean> {
    const lastUsed = this.#clock.wallMs();
    let isNew = false;
    await this.#changePasskeys((passkeys) =>
      passkeys.map((passkey) => {
        const { id, challenge: last } = passkey;
        if (id !== used) {
          return passkey;
        }
        isNew = last === undefined || mayFollow(challenge, last, lastUsed);
        return isNew ? { ...passkey, counter, lastUsed, challenge } : passkey;
      }),
    );
    return isNew;
  }

  /** @throws PerchError notFound, or badInput if nothing would be left but recovery codes */
  removePasskey(removed: string): Promise<void> {
    return this.#changePasskeys((passkeys) => {
      const others = passkeys.filter(({ id }) => id !== removed);
      if (others.length === passkeys.length) {
        throw new PerchError('notFound', 'passkey not found');
      }
      if (others.length === 0 && !this.hasApp) {
        throw new PerchError('badInput', 'this is the last passkey: remove the second factor instead', { why: 'last' });
      }
      return others;
    });
  }

  #changePasskeys(change: (passkeys: Passkey[]) => Passkey[]): Promise<void> {
    return this.#document.change(async () => {
      const stored = this.#stored;
      if (stored) {
        await this.#save({ ...stored, passkeys: change(stored.passkeys) });
      }
    });
  }

  /** Replaces all recovery codes. @returns them; they are not shown again */
  renewRecovery(): Promise<readonly string[]> {
    return this.#document.change(async () => {
      const stored = this.#stored;
      if (!stored) {
        throw new PerchError('badInput', 'there is no second factor');
      }
      const codes = makeRecoveryCodes();
      await this.#save({ ...stored, recovery: codes.map(hashOf) });
      return codes;
    });
  }

  /** Whether it is a code of the app or a recovery code, which is used up. @throws PerchError if that cannot be saved */
  accept(code: string): Promise<boolean> {
    return this.#document.change(async () => {
      const stored = this.#stored;
      if (!stored) {
        return false;
      }
      const { app } = stored;
      const given = plain(code);
      const step = app && this.#stepOf(app, given, stored.id);
      const recovery = stored.recovery.filter((hash) => !isSameHash(hash, hashOf(given)));
      if (step === undefined && recovery.length === stored.recovery.length) {
        return false;
      }
      await this.#save({ ...stored, recovery, ...(app && { app: { ...app, lastStep: step ?? app.lastStep } }) });
      return true;
    });
  }

  #stepOf({ sealed, lastStep }: NonNullable<Stored['app']>, given: string, id: string): number | undefined {
    const secret = this.#key.unseal('secondFactor', sealed, id);
    const key = secret === undefined ? undefined : Buffer.from(secret, 'base64url');
    return key && stepOf(key, given, this.#clock.wallMs(), lastStep);
  }

  remove(): Promise<void> {
    return this.#document.change(async () => {
      await this.#document.remove();
      this.#stored = undefined;
    });
  }

  /** @returns the recovery codes, which are not shown again, if this turns the second factor on; else none */
  async #extend(change: (stored: Stored) => Stored): Promise<readonly string[]> {
    const codes = this.#stored ? [] : makeRecoveryCodes();
    const id = randomBytes(ID_BYTES).toString('base64url');
    await this.#save(change(this.#stored ?? { id, recovery: codes.map(hashOf), passkeys: [] }));
    return codes;
  }

  async #save(stored: Stored): Promise<void> {
    await this.#document.save(() => stored);
    this.#stored = stored;
  }
}

const documentIn = (dataDir: string) => new StoredDocument(join(dataDir, FACTOR_FILE), Stored);

/** A code without blanks and dashes, because apps show codes in groups. */
const plain = (code: string): string => code.replace(/[\s-]/g, '').toLowerCase();

const hashOf = (code: string): string => createHash('sha256').update(plain(code)).digest('hex');

const isSameHash = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

const makeRecoveryCodes = (): readonly string[] => Array.from({ length: RECOVERY_CODES }, makeRecoveryCode);

const makeRecoveryCode = (): string =>
  Array.from({ length: RECOVERY_GROUPS }, () =>
    Array.from({ length: RECOVERY_GROUP_CHARS }, () => ALPHABET[randomInt(ALPHABET.length)]).join(''),
  ).join('-');
