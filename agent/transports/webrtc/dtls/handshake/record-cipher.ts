import { createCipheriv, createDecipheriv } from 'node:crypto';
import { bodyOf, RECORD_HEADER_BYTES, typeOf, writeRecord } from './dtls-record.ts';

const IMPLICIT_NONCE_BYTES = 4;
const EXPLICIT_NONCE_BYTES = 8;
const TAG_BYTES = 16;
const EPOCH = 1;

/** Keys of one direction, RFC 5246 §6.3. */
export interface RecordKeys {
  readonly key: Uint8Array;
  /** Implicit nonce: the first four bytes are used. */
  readonly nonce: Uint8Array;
}

/**
 * TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, the only cipher suite werift negotiates with our certificate; records of
 * epoch 1.
 */
export class RecordCipher {
  readonly #local: RecordKeys;
  readonly #remote: RecordKeys;

  constructor(local: RecordKeys, remote: RecordKeys) {
    this.#local = copyOf(local);
    this.#remote = copyOf(remote);
  }

  seal(type: number, sequenceNumber: number, body: Uint8Array): Buffer {
    const { key, nonce } = this.#local;
    // The explicit nonce is epoch and sequence number.
    const header = writeRecord(type, EPOCH, sequenceNumber, body);
    const explicit = header.subarray(3, 3 + EXPLICIT_NONCE_BYTES);
    const cipher = createCipheriv('aes-128-gcm', key, Buffer.concat([nonce, explicit]));
    cipher.setAAD(additionalData(header, body.length));
    const sealed = Buffer.concat([explicit, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
    return writeRecord(type, EPOCH, sequenceNumber, sealed);
  }

  /** @returns the plain text; undefined if not authentic */
  open(record: Buffer): Buffer | undefined {
    const body = bodyOf(record);
    const bytes = body.length - EXPLICIT_NONCE_BYTES - TAG_BYTES;
    if (bytes < 0 || record.readUInt16BE(3) !== EPOCH) {
      return undefined;
    }
    const { key, nonce } = this.#remote;
    const explicit = body.subarray(0, EXPLICIT_NONCE_BYTES);
    const decipher = createDecipheriv('aes-128-gcm', key, Buffer.concat([nonce, explicit]));
    decipher.setAAD(additionalData(record, bytes));
    decipher.setAuthTag(body.subarray(EXPLICIT_NONCE_BYTES + bytes));
    const plain = decipher.update(body.subarray(EXPLICIT_NONCE_BYTES, EXPLICIT_NONCE_BYTES + bytes));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plain;
  }
}

/** Additional authenticated data: epoch and sequence number, type, version, plain text length (RFC 6347 §4.1.2.1). */
function additionalData(record: Buffer, plainBytes: number): Buffer {
  const data = Buffer.alloc(RECORD_HEADER_BYTES);
  data.set(record.subarray(3, 11));
  data[8] = typeOf(record);
  data.set(record.subarray(1, 3), 9);
  data.writeUInt16BE(plainBytes, 11);
  return data;
}

/** Copies keys: the originals are views of larger buffers that would live as long as the session. */
function copyOf({ key, nonce }: RecordKeys): RecordKeys {
  return { key: new Uint8Array(key), nonce: new Uint8Array(nonce.subarray(0, IMPLICIT_NONCE_BYTES)) };
}
