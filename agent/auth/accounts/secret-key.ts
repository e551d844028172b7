import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';

const SECRET_FILE = 'secret.json';
const KEY_BYTES = 32;
/** HMAC-SHA-256 as base64url. */
export const SIGNATURE_CHARS = 43;

const KeyFile = Type.Object({ key: Type.String({ pattern: '^[\\w-]{43}$' }) });

/** Checks a `secret.json` from a backup. */
export const isKeyFile = (stored: unknown): boolean => Check(KeyFile, stored);

/** A signature is valid only for its purpose. */
type Purpose = 'guest' | 'device' | 'session' | 'camera' | 'passkey' | 'challenge' | 'invitation' | 'portMapping';
/** Purposes of encryption. Each has its own key, derived from the stored one. */
type SealPurpose = 'devicePassword' | 'secondFactor' | 'secondFactorSetup' | 'archiveKey';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The box's key for links and cookies, `secret.json` of the data folder. */
export class SecretKey {
  readonly #key: Buffer;

  /** Creates the key at the first start. A damaged one is put aside and replaced, which invalidates guest links. */
  static async open(dataDir: string, log: Logger): Promise<SecretKey> {
    const document = new StoredDocument(join(dataDir, SECRET_FILE), KeyFile, log);
    return document.change(async () => {
      const found = SecretKey.of(await document.open('key of guest links is damaged: create new links'));
      if (found) {
        return found;
      }
      const key = randomBytes(KEY_BYTES);
      const stored = { key: key.toString('base64url') };
      // With a database another server may have been faster, whose key is the one.
      await (document.isShared
        ? document.save(() => stored)
        : document.trySave(() => stored, 'saving the key of guest links failed: links last until the next start'));
      return new SecretKey(key);
    });
  }

  /** The key on the disk, or undefined if it is missing or damaged. */
  static async find(dataDir: string): Promise<SecretKey | undefined> {
    const document = new StoredDocument(join(dataDir, SECRET_FILE), KeyFile);
    return SecretKey.of(await document.load().catch(() => undefined));
  }

  /** The key of a `secret.json`, or undefined if it is damaged. */
  static of(stored: unknown): SecretKey | undefined {
    return Check(KeyFile, stored) ? new SecretKey(Buffer.from(stored.key, 'base64url')) : undefined;
  }

  private constructor(key: Buffer) {
    this.#key = key;
  }

  sign(purpose: Purpose, text: string): string {
    return createHmac('sha256', this.#key).update(`${purpose}\n${text}`).digest('base64url');
  }

  /** Compares in constant time. */
  isSigned(purpose: Purpose, text: string, signature: string): boolean {
    const expected = Buffer.from(this.sign(purpose, text));
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  /** Encrypts `text` with AES-256-GCM. @param terms authenticated along with it, but kept elsewhere @returns base64url */
  seal(purpose: SealPurpose, text: string, terms: string): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(CIPHER, this.#sealKey(purpose), iv).setAAD(Buffer.from(terms));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  /** Decrypts; undefined if sealed with another key, other terms or another purpose, or damaged. */
  unseal(purpose: SealPurpose, sealed: string, terms: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < IV_BYTES + TAG_BYTES) {
      return undefined;
    }
    const decipher = createDecipheriv(CIPHER, this.#sealKey(purpose), bytes.subarray(0, IV_BYTES));
    decipher.setAAD(Buffer.from(terms)).setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    try {
      return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      // GCM fails only for bytes that do not authenticate.
      return undefined;
    }
  }

  #sealKey(purpose: SealPurpose): Buffer {
    return createHmac('sha256', this.#key).update(`seal\n${purpose}`).digest();
  }
}
