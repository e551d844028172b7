import { randomBytes } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import { readConfigFile, writeAtomic } from './file.ts';
import { interruptedText } from './in-place.ts';

/** MediaMTX's names first. */
const VARIABLES = ['MTX_CONFKEY', 'RTSP_CONFKEY', 'PERCH_CONFKEY'] as const;
// XSalsa20-Poly1305, as NaCl's secretbox.
const KEY_BYTES = 32;
const NONCE_BYTES = 24;
const TAG_BYTES = 16;
const BASE64 = /^[\w+/\s]+={0,2}\s*$/;

/**
 * Reads and writes configuration files and their copies. With a key in `MTX_CONFKEY` they are encrypted as MediaMTX's: base64 of the nonce and a
 * secretbox. A plain file is read, too, and encrypted by the next write.
 */
export class ConfigText {
  readonly #key: Buffer | undefined;
  readonly #variable: string;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#variable = VARIABLES.find((name) => env[name]) ?? VARIABLES[0];
    const key = env[this.#variable];
    // Shorter keys are padded with zeros, longer ones cut.
    this.#key = key ? Buffer.concat([Buffer.from(key), Buffer.alloc(KEY_BYTES)]).subarray(0, KEY_BYTES) : undefined;
  }

  /**
   * @param journal as of `writeAtomic`: while a write is interrupted, the text before it is read
   * @returns undefined when there is no file @throws PerchError unavailable, badInput for another key
   */
  async read(file: string, journal?: string): Promise<string | undefined> {
    const now = await readConfigFile(file);
    const isWhole = now === undefined || journal === undefined;
    const text = (isWhole ? undefined : (await interruptedText(file, journal))?.toString()) ?? now;
    return text === undefined || !this.#key || !BASE64.test(text) ? text : this.#decrypt(text, this.#key, file);
  }

  /** @param journal as of `writeAtomic` */
  async write(file: string, text: string, journal?: string): Promise<void> {
    await writeAtomic(file, await this.seal(text), journal);
  }

  /** The text as it is stored on the disk. */
  async seal(text: string): Promise<string> {
    if (!this.#key) {
      return text;
    }
    const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
    const nonce = randomBytes(NONCE_BYTES);
    const box = xsalsa20poly1305(this.#key, nonce).encrypt(Buffer.from(text));
    return `${Buffer.concat([nonce, box]).toString('base64')}\n`;
  }

  async #decrypt(text: string, key: Uint8Array, file: string): Promise<string> {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length >= NONCE_BYTES + TAG_BYTES) {
      const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
      try {
        const plain = xsalsa20poly1305(key, bytes.subarray(0, NONCE_BYTES)).decrypt(bytes.subarray(NONCE_BYTES));
        return Buffer.from(plain).toString();
      } catch {
        // The tag does not match.
      }
    }
    throw new PerchError('badInput', `cannot decrypt ${file}: it is damaged, or ${this.#variable} is not its key`);
  }
}
