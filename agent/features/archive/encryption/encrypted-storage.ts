import { setImmediate as others } from 'node:timers/promises';
import { MAX_RANGE_BYTES } from '../../../record/store/range-file.ts';
import type { ArchiveStorage, StoredObject, Upload } from '../storage/contracts.ts';
import { archiveFailure } from '../storage/failure.ts';
import { EncryptedUpload } from './encrypted-upload.ts';
import { keyIdOf } from './key-text.ts';
import {
  BLOCK_BYTES,
  blockAt,
  blockCount,
  blockStart,
  HEADER_BYTES,
  headerFault,
  isEncryptedKey,
  plainBytesOf,
} from './layout.ts';
import { ObjectCipher } from './object-cipher.ts';

/** Maximum number of cached object sizes. Reading an object whose size is not cached costs another request. */
const MAX_SIZES = 1_000;
/** Blocks decrypted without yielding to the event loop: some milliseconds on a small computer. */
const BLOCKS_IN_TURN = 4;

/** The archive keys of this box. */
export interface ArchiveKeyRing {
  /** The key that encrypts new objects, or undefined if there is none that can be read. */
  readonly current: Uint8Array | undefined;
  /** All keys that decrypt. */
  readonly all: readonly Uint8Array[];
}

interface EncryptedStorageOptions {
  readonly storage: ArchiveStorage;
  readonly keys: ArchiveKeyRing;
  /** `archivePrefix`. Keys are derived without it, so that an archive may be moved below another prefix. */
  readonly prefix: string;
}

/** Encrypts objects whose names say so (`.enc`); passes the others on. Sizes and positions are those of recordings. */
export class EncryptedStorage implements ArchiveStorage {
  readonly #storage: ArchiveStorage;
  readonly #keys: ArchiveKeyRing;
  readonly #prefix: string;
  /** Stored (encrypted) size in bytes by object key. */
  readonly #sizes = new Map<string, number>();

  constructor({ storage, keys, prefix }: EncryptedStorageOptions) {
    this.#storage = storage;
    this.#keys = keys;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
  }

  async put(upload: Upload): Promise<string> {
    const key = this.#keys.current;
    if (!isEncryptedKey(upload.key)) {
      return this.#storage.put(upload);
    }
    if (!key) {
      throw archiveFailure('key', 'the key of the archive cannot be read: type it again');
    }
    this.#sizes.delete(upload.key);
    const encrypted = new EncryptedUpload(upload, this.#cipherOf(key, upload.key));
    await this.#storage.put(encrypted);
    return encrypted.sha256;
  }

  async read(key: string, position: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    if (!isEncryptedKey(key)) {
      return this.#storage.read(key, position, length, signal);
    }
    const first = blockAt(position);
    const last = blockAt(position + Math.max(length, 1) - 1);
    const isTooShort = (bytes: number) => position + length > (plainBytesOf(bytes) ?? 0);
    let storedBytes = await this.#storedBytesOf(key, signal);
    if (isTooShort(storedBytes)) {
      // The object may have been stored again since.
      this.#sizes.delete(key);
      storedBytes = await this.#storedBytesOf(key, signal);
    }
    const end = Math.min(storedBytes, (last + 1) * BLOCK_BYTES);
    if (isTooShort(storedBytes)) {
      this.#sizes.delete(key);
      throw archiveFailure('damaged', `the archive has ${storedBytes} bytes of ${key}, which is too few`);
    }
    const content = Buffer.allocUnsafe(length);
    // With the encryption's overhead, the longest read exceeds what one request to the archive may read.
    const step = Math.floor(MAX_RANGE_BYTES / BLOCK_BYTES);
    for (let block = first; block <= last; block += step) {
      const at = block * BLOCK_BYTES;
      const stored = await this.#storage.read(key, at, Math.min(end, at + MAX_RANGE_BYTES) - at, signal);
      await this.#openAll(key, { stored, block, storedBytes, position, content }, signal);
    }
    return content;
  }

  async sizeOf(key: string, signal: AbortSignal): Promise<number> {
    const storedBytes = await this.#storage.sizeOf(key, signal);
    return isEncryptedKey(key) ? (plainBytesOf(storedBytes) ?? 0) : storedBytes;
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
    for await (const { key, sizeBytes } of this.#storage.list(prefix, signal)) {
      yield { key, sizeBytes: isEncryptedKey(key) ? (plainBytesOf(sizeBytes) ?? 0) : sizeBytes };
    }
  }

  remove(key: string, signal: AbortSignal): Promise<void> {
    this.#sizes.delete(key);
    return this.#storage.remove(key, signal);
  }

  removeUnfinished(prefix: string, kept: string | undefined, signal: AbortSignal): Promise<void> {
    return this.#storage.removeUnfinished(prefix, kept, signal);
  }

  close(): void {
    this.#storage.close();
  }

  /** @param found stored: whole blocks from `block` on; content: the bytes of the recording from `position` on */
  async #openAll(
    key: string,
    found: { stored: Uint8Array; block: number; storedBytes: number; position: number; content: Buffer },
    signal: AbortSignal,
  ): Promise<void> {
    const { stored, storedBytes, position, content } = found;
    const lastBlock = blockCount(storedBytes) - 1;
    let ciphers = this.#keys.all.map((one) => this.#cipherOf(one, key));
    for (let at = 0, block = found.block; at < stored.length; at += BLOCK_BYTES, block += 1) {
      const bytes = stored.subarray(at, at + BLOCK_BYTES);
      const opened = openOne(ciphers, bytes, block, block === lastBlock);
      if (!opened) {
        throw await this.#failureOf(key, signal);
      }
      ciphers = [opened.cipher];
      const start = blockStart(block);
      const from = Math.max(0, position - start);
      const to = Math.max(from, Math.min(opened.content.length, position + content.length - start));
      content.set(opened.content.subarray(from, to), start + from - position);
      if (block % BLOCKS_IN_TURN === 0) {
        await others();
        signal.throwIfAborted();
      }
    }
  }

  /** Why an object cannot be decrypted: its header tells, or else its content was changed. */
  async #failureOf(key: string, signal: AbortSignal) {
    this.#sizes.delete(key);
    const header = await this.#storage.read(key, 0, HEADER_BYTES, signal);
    const fault = headerFault(header);
    const id = Buffer.from(header.subarray(HEADER_BYTES - 8));
    if (fault === undefined && !this.#keys.all.some((one) => keyIdOf(one).equals(id))) {
      return archiveFailure(
        'key',
        `${key} is encrypted with the key ${id.toString('hex')}, which this box does not have`,
      );
    }
    return archiveFailure('damaged', `${key} ${fault ?? 'was changed in the archive'}`);
  }

  async #storedBytesOf(key: string, signal: AbortSignal): Promise<number> {
    const known = this.#sizes.get(key);
    if (known !== undefined) {
      return known;
    }
    const storedBytes = await this.#storage.sizeOf(key, signal);
    const [oldest] = this.#sizes.keys();
    if (this.#sizes.size >= MAX_SIZES && oldest !== undefined) {
      this.#sizes.delete(oldest);
    }
    this.#sizes.set(key, storedBytes);
    return storedBytes;
  }

  #cipherOf(key: Uint8Array, objectKey: string): ObjectCipher {
    const isBelow = objectKey.startsWith(this.#prefix);
    return new ObjectCipher(key, isBelow ? objectKey.slice(this.#prefix.length) : objectKey);
  }
}

/** A block decrypted with the first key that fits, or undefined if none does. */
function openOne(ciphers: readonly ObjectCipher[], bytes: Uint8Array, block: number, isLast: boolean) {
  for (const cipher of ciphers) {
    const content = cipher.open(bytes, block, isLast);
    if (content) {
      return { cipher, content };
    }
  }
  return undefined;
}
