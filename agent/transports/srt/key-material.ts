import { createCipheriv, createDecipheriv, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { PerchError, unlessExpected } from '../../base/errors.ts';

/*
 * Key material, §3.2.2: S 1, version 3, packet type 4 | signature 16 | reserved 6, keys 2 · KEKI 32 · cipher 8 | auth 8 |
 * encapsulation 8 | reserved 8 · reserved 16 | salt words 8 | key words 8 · salt 128 · wrapped keys (RFC 3394)
 */
const FIXED_BYTES = 16;
const SALT_BYTES = 16;
const WRAP_OVERHEAD_BYTES = 8;
const VERSION_AND_TYPE = 0x12;
/** 'HAI' as a PnP vendor ID. */
const SIGNATURE = 0x2029;
const AES_CTR = 2;
const MPEG_TS_SRT = 2;
const WRAP_IV = Buffer.alloc(8, 0xa6);
const ITERATIONS = 2048;
/** LSB(64, salt), §6.2.1. */
const PBKDF2_SALT_START = 8;

const EVEN = 1;
const BOTH = 3;

export interface KeyMaterial {
  /** Bit 0: even, bit 1: odd. */
  readonly keys: 1 | 2 | 3;
  readonly keyBytes: 16 | 24 | 32;
  readonly salt: Uint8Array;
  readonly wrapped: Uint8Array;
}

const derive = promisify(pbkdf2);

/** @throws PerchError badInput; unsupported for a cipher other than AES-CTR */
export function parseKeyMaterial(message: Uint8Array): KeyMaterial {
  const view = Buffer.from(message.buffer, message.byteOffset, message.length);
  if (view.length < FIXED_BYTES + SALT_BYTES || view[0] !== VERSION_AND_TYPE || view.readUInt16BE(1) !== SIGNATURE) {
    throw new PerchError('badInput', `SRT key material of ${view.length} bytes has another form`);
  }
  const keys = (view[3] as number) & 3;
  const [cipher, auth] = [view[8], view[9]];
  if (cipher !== AES_CTR || auth !== 0) {
    throw new PerchError('unsupported', `SRT cipher ${cipher} with authentication ${auth}, expected AES-CTR`);
  }
  const [saltBytes, keyBytes] = [4 * (view[14] as number), 4 * (view[15] as number)];
  if (keys === 0 || saltBytes !== SALT_BYTES || (keyBytes !== 16 && keyBytes !== 24 && keyBytes !== 32)) {
    throw new PerchError(
      'badInput',
      `SRT key material with keys ${keys}, ${keyBytes} bytes, salt of ${saltBytes} bytes`,
    );
  }
  const start = FIXED_BYTES + SALT_BYTES;
  const size = (keys === BOTH ? 2 : 1) * keyBytes + WRAP_OVERHEAD_BYTES;
  if (view.length !== start + size) {
    throw new PerchError('badInput', `SRT key material of ${view.length} bytes, expected ${start + size}`);
  }
  return {
    keys: keys as 1 | 2 | 3,
    keyBytes,
    salt: Uint8Array.from(view.subarray(FIXED_BYTES, start)),
    wrapped: Uint8Array.from(view.subarray(start)),
  };
}

export function writeKeyMaterial({ keys, keyBytes, salt, wrapped }: KeyMaterial): Uint8Array {
  const message = Buffer.alloc(FIXED_BYTES + SALT_BYTES + wrapped.length);
  message[0] = VERSION_AND_TYPE;
  message.writeUInt16BE(SIGNATURE, 1);
  message[3] = keys;
  message[8] = AES_CTR;
  message[10] = MPEG_TS_SRT;
  message[14] = SALT_BYTES / 4;
  message[15] = keyBytes / 4;
  message.set(salt, FIXED_BYTES);
  message.set(wrapped, FIXED_BYTES + SALT_BYTES);
  return message;
}

/** The key encrypting key of a passphrase, in a thread of its own: it takes milliseconds. */
export const deriveKek = (passphrase: string, salt: Uint8Array, keyBytes: number): Promise<Buffer> =>
  derive(passphrase, salt.subarray(PBKDF2_SALT_START), ITERATIONS, keyBytes, 'sha1');

const wrapName = (kek: Uint8Array) => `id-aes${8 * kek.length}-wrap`;

/** AES key wrap, RFC 3394. @param keys one key, or the even and the odd key */
export function wrapKeys(kek: Uint8Array, keys: Uint8Array): Uint8Array {
  const cipher = createCipheriv(wrapName(kek), kek, WRAP_IV);
  return Buffer.concat([cipher.update(keys), cipher.final()]);
}

/** The unwrapped keys, or undefined if another key encrypting key wrapped them. */
export function unwrapKeys(kek: Uint8Array, { keys, keyBytes, wrapped }: KeyMaterial): UnwrappedKeys | undefined {
  const plain = unlessExpected(() => {
    const decipher = createDecipheriv(wrapName(kek), kek, WRAP_IV);
    try {
      return Buffer.concat([decipher.update(wrapped), decipher.final()]);
    } catch (cause) {
      throw new PerchError('unauthorized', 'wrong SRT passphrase', {}, cause);
    }
  });
  if (!plain) {
    return undefined;
  }
  const first = plain.subarray(0, keyBytes);
  if (keys === BOTH) {
    return { even: first, odd: plain.subarray(keyBytes) };
  }
  return keys === EVEN ? { even: first } : { odd: first };
}

export interface UnwrappedKeys {
  readonly even?: Uint8Array;
  readonly odd?: Uint8Array;
}
