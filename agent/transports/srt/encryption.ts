import { type Cipheriv, createCipheriv, randomBytes, timingSafeEqual } from 'node:crypto';
import { unlessExpected } from '../../base/errors.ts';
import {
  deriveKek,
  type KeyMaterial,
  parseKeyMaterial,
  type UnwrappedKeys,
  unwrapKeys,
  wrapKeys,
  writeKeyMaterial,
} from './key-material.ts';
import { MAX_PAYLOAD_BYTES } from './packet.ts';

const BLOCK_BYTES = 16;
const MAX_BLOCKS = Math.ceil(MAX_PAYLOAD_BYTES / BLOCK_BYTES);
/** Offset of the sequence number in the counter block: after the zeros, before the block counter (§6.1.2). */
const SEQUENCE_AT = 10;
const COUNTER_AT = 14;

/**
 * AES in counter mode with one stream encrypting key. A long-lived AES-ECB cipher encrypts the counters: creating a native cipher
 * object for each packet costs more than encrypting it.
 */
export class PayloadCipher {
  readonly #cipher: Cipheriv;
  readonly #salt: Uint8Array;
  readonly #counters = Buffer.alloc(MAX_BLOCKS * BLOCK_BYTES);

  constructor(key: Uint8Array, salt: Uint8Array) {
    this.#cipher = createCipheriv(`aes-${8 * key.length}-ecb`, key, null).setAutoPadding(false);
    this.#salt = salt;
    for (let block = 0; block < MAX_BLOCKS; block += 1) {
      this.#counters.set(salt.subarray(0, COUNTER_AT), block * BLOCK_BYTES);
      this.#counters.writeUInt16BE(block, block * BLOCK_BYTES + COUNTER_AT);
    }
  }

  /** Encrypts or decrypts in place: `bytes[start, end)`. */
  apply(sequence: number, bytes: Uint8Array, start: number, end: number): void {
    const counters = this.#counters;
    const salt = this.#salt;
    const blocks = (end - start + BLOCK_BYTES - 1) >>> 4;
    const a = (salt[SEQUENCE_AT] as number) ^ (sequence >>> 24);
    const b = (salt[SEQUENCE_AT + 1] as number) ^ ((sequence >>> 16) & 0xff);
    const c = (salt[SEQUENCE_AT + 2] as number) ^ ((sequence >>> 8) & 0xff);
    const d = (salt[SEQUENCE_AT + 3] as number) ^ (sequence & 0xff);
    for (let at = SEQUENCE_AT, last = blocks * BLOCK_BYTES; at < last; at += BLOCK_BYTES) {
      counters[at] = a;
      counters[at + 1] = b;
      counters[at + 2] = c;
      counters[at + 3] = d;
    }
    const stream = this.#cipher.update(counters.subarray(0, blocks * BLOCK_BYTES));
    for (let from = 0, to = start; to < end; from += 1, to += 1) {
      bytes[to] = (bytes[to] as number) ^ (stream[from] as number);
    }
  }
}

const SALT_BYTES = 16;
/** Values of the key field of data packets. */
const EVEN = 1;
const ODD = 2;
const BOTH = 3;
type KeyField = typeof EVEN | typeof ODD;

/** Packets per key, and how long before its end the next key is announced (§6.1.6), as in libsrt. */
const KEY_REFRESH = { everyPackets: 1 << 24, announcePackets: 1 << 12 } as const;
type KeyRefresh = { readonly everyPackets: number; readonly announcePackets: number };

/** The keys of one connection. Both directions begin with the caller's keys; each sender then refreshes its own. */
export class Encryption {
  /** Sent in the handshake: the caller's request, and the listener's response with the same bytes. */
  readonly keyMaterial: Uint8Array;
  readonly keyBytes: 16 | 24 | 32;
  readonly #passphrase: string;
  readonly #refresh: KeyRefresh;
  #kek: Uint8Array;
  #receiveSalt: Uint8Array;
  readonly #sendSalt: Uint8Array;
  readonly #sendKek: Uint8Array;
  /** Ciphers for received packets, by key field. */
  readonly #receivers: (PayloadCipher | undefined)[] = [];
  readonly #senders: (PayloadCipher | undefined)[] = [];
  readonly #sendKeys: (Uint8Array | undefined)[] = [];
  #sending: KeyField;
  #sentWithKey = 0;
  #isAnnounced = false;
  #isDeriving = false;

  private constructor(
    passphrase: string,
    kek: Uint8Array,
    material: KeyMaterial,
    keys: UnwrappedKeys,
    refresh: KeyRefresh,
  ) {
    this.#passphrase = passphrase;
    this.#kek = kek;
    this.#sendKek = kek;
    this.#receiveSalt = material.salt;
    this.#sendSalt = material.salt;
    this.#refresh = refresh;
    this.keyBytes = material.keyBytes;
    this.keyMaterial = writeKeyMaterial(material);
    this.#install(keys);
    this.#sending = keys.even ? EVEN : ODD;
    const key = Uint8Array.from(keys.even ?? keys.odd ?? []);
    this.#sendKeys[this.#sending] = key;
    this.#senders[this.#sending] = new PayloadCipher(key, material.salt);
  }

  /** For a caller: makes the keys. */
  static async create(passphrase: string, keyBytes: 16 | 24 | 32, refresh: KeyRefresh = KEY_REFRESH) {
    const salt = randomBytes(SALT_BYTES);
    const even = randomBytes(keyBytes);
    const kek = await deriveKek(passphrase, salt, keyBytes);
    const material: KeyMaterial = { keys: EVEN, keyBytes, salt, wrapped: wrapKeys(kek, even) };
    return new Encryption(passphrase, kek, material, { even }, refresh);
  }

  /** For a listener. @param material of the caller @returns undefined if the passphrases differ */
  static async accept(passphrase: string, material: KeyMaterial, refresh: KeyRefresh = KEY_REFRESH) {
    const kek = await deriveKek(passphrase, material.salt, material.keyBytes);
    const keys = unwrapKeys(kek, material);
    return keys && new Encryption(passphrase, kek, material, keys, refresh);
  }

  /** Encrypts `bytes[start, end)` in place. @returns the key field for the packet's header */
  encrypt(sequence: number, bytes: Uint8Array, start: number, end: number): number {
    this.#senders[this.#sending]?.apply(sequence, bytes, start, end);
    this.#sentWithKey += 1;
    if (this.#isAnnounced && this.#sentWithKey >= this.#refresh.everyPackets) {
      this.#sending = this.#sending === EVEN ? ODD : EVEN;
      this.#sentWithKey = 0;
      this.#isAnnounced = false;
      return this.#sending === EVEN ? ODD : EVEN;
    }
    return this.#sending;
  }

  /** Decrypts `bytes[start, end)` in place. @param field key field of the packet @returns whether there is such a key */
  decrypt(field: number, sequence: number, bytes: Uint8Array, start: number, end: number): boolean {
    const cipher = this.#receivers[field];
    cipher?.apply(sequence, bytes, start, end);
    return cipher !== undefined;
  }

  /** Makes the next key once it is due. @returns key material with the current and the next key, once, or undefined if it is not due */
  nextAnnouncement(): Uint8Array | undefined {
    if (this.#isAnnounced || this.#sentWithKey < this.#refresh.everyPackets - this.#refresh.announcePackets) {
      return undefined;
    }
    this.#isAnnounced = true;
    const next = this.#sending === EVEN ? ODD : EVEN;
    const key = randomBytes(this.keyBytes);
    this.#sendKeys[next] = key;
    this.#senders[next] = new PayloadCipher(key, this.#sendSalt);
    const both = Buffer.concat([this.#sendKeys[EVEN] ?? key, this.#sendKeys[ODD] ?? key]);
    const wrapped = wrapKeys(this.#sendKek, both);
    return writeKeyMaterial({ keys: BOTH, keyBytes: this.keyBytes, salt: this.#sendSalt, wrapped });
  }

  /** Takes the keys of a peer's announcement. @returns whether they are in use now; one announcement at a time is read */
  async announced(message: Uint8Array): Promise<boolean> {
    const material = unlessExpected(() => parseKeyMaterial(message));
    if (!material || this.#isDeriving) {
      return false;
    }
    const isSame = timingSafeEqual(material.salt, this.#receiveSalt) && material.keyBytes === this.#kek.length;
    let kek = this.#kek;
    if (!isSame) {
      this.#isDeriving = true;
      kek = await deriveKek(this.#passphrase, material.salt, material.keyBytes);
      this.#isDeriving = false;
    }
    const keys = unwrapKeys(kek, material);
    if (keys) {
      this.#kek = kek;
      this.#receiveSalt = material.salt;
      this.#install(keys);
    }
    return keys !== undefined;
  }

  #install({ even, odd }: UnwrappedKeys): void {
    if (even) {
      this.#receivers[EVEN] = new PayloadCipher(Uint8Array.from(even), this.#receiveSalt);
    }
    if (odd) {
      this.#receivers[ODD] = new PayloadCipher(Uint8Array.from(odd), this.#receiveSalt);
    }
  }
}
