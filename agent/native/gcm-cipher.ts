import type { CipherFunctions } from './functions.ts';
import { type PacketMemory, SLOT_BYTES } from './packet-memory.ts';

// `OSSL_PARAM` of 64-bit systems, in 32-bit words: name, data type, data, their size, the returned size.
const NAME_WORD = 0;
const TYPE_WORD = 2;
const DATA_WORD = 4;
const SIZE_WORD = 6;
const PARAM_WORDS = 10;
const OSSL_PARAM_OCTET_STRING = 5;

/** A list of one octet string for OpenSSL, OSSL_PARAM(3). What OpenSSL reads by pointer is a field, except the data. */
class CipherParameter {
  /** Pointer to the list, for the calls that take one. */
  readonly pointer: bigint;
  readonly #name: Uint8Array;
  /** The second parameter has no name and ends the list. */
  readonly #words = new Uint32Array(2 * PARAM_WORDS);

  /** @param size in bytes, 64 bits */
  constructor({ pointerTo }: Pick<CipherFunctions, 'pointerTo'>, name: string, size: bigint) {
    this.#name = new TextEncoder().encode(`${name}\0`);
    const pointers = new BigUint64Array(this.#words.buffer);
    pointers[NAME_WORD / 2] = pointerTo(this.#name);
    pointers[SIZE_WORD / 2] = size;
    this.#words[TYPE_WORD] = OSSL_PARAM_OCTET_STRING;
    this.pointer = pointerTo(this.#words);
  }

  /** @param address address of the data; user-space addresses have 47 or 48 bits, exact as a number */
  setAddress(address: number): void {
    this.#words[DATA_WORD] = address % 2 ** 32;
    this.#words[DATA_WORD + 1] = Math.floor(address / 2 ** 32);
  }
}

export const GCM_KEY_BYTES = 16;
export const GCM_NONCE_BYTES = 12;
const GCM_TAG_BYTES = 16;
/** OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED; with the size -1 it is the whole nonce. */
const NONCE_PARAMETER = 'tlsivfixed';
const WHOLE_NONCE = 2n ** 64n - 1n;
/** OSSL_CIPHER_PARAM_AEAD_TAG. */
const TAG_PARAMETER = 'tag';
const NULL = 0n;
const OK = 1;

/**
 * AES-128-GCM (NIST SP 800-38D) of packets in a memory, by one OpenSSL context for all keys: no cipher object per
 * packet. All that OpenSSL reads by pointer is a field of this object, except the payloads. Nonce and tag are
 * parameters, because Node calls functions of up to three arguments several times faster than others.
 */
export class GcmCipher {
  readonly #functions: CipherFunctions;
  readonly #key = new Uint8Array(GCM_KEY_BYTES);
  readonly #nonce = new Uint8Array(GCM_NONCE_BYTES);
  readonly #nonceParameter: CipherParameter;
  readonly #tagParameter: CipherParameter;
  /** Number of bytes that OpenSSL has written; not used. */
  readonly #written = new Int32Array(1);
  readonly #context: bigint;
  readonly #keyPointer: bigint;
  readonly #writtenPointer: bigint;
  readonly #memoryAddress: number;
  readonly #packetPointers: readonly bigint[];
  readonly #payloadPointers: readonly bigint[];
  readonly #headerBytes: number;
  /** Address of the current source. User-space addresses have 47 or 48 bits, exact as a number. */
  #sourceAddress = 0;
  #sourceBytes = 0;
  /** The address of a payload, in the form that OpenSSL reads. */
  readonly #plain = new BigUint64Array(1);
  readonly #plainWords = new Uint32Array(this.#plain.buffer);

  /** @param headerBytes of each packet in `memory`: authenticated, not encrypted */
  constructor(functions: CipherFunctions, memory: PacketMemory, headerBytes: number) {
    this.#functions = functions;
    this.#headerBytes = headerBytes;
    this.#keyPointer = functions.pointerTo(this.#key);
    this.#writtenPointer = functions.pointerTo(this.#written);
    this.#nonceParameter = new CipherParameter(functions, NONCE_PARAMETER, WHOLE_NONCE);
    this.#nonceParameter.setAddress(Number(functions.pointerTo(this.#nonce)));
    this.#tagParameter = new CipherParameter(functions, TAG_PARAMETER, BigInt(GCM_TAG_BYTES));
    const start = functions.pointerTo(memory.bytes);
    this.#memoryAddress = Number(start);
    this.#packetPointers = Array.from({ length: memory.packets }, (_, i) => start + BigInt(i * SLOT_BYTES));
    this.#payloadPointers = this.#packetPointers.map((pointer) => pointer + BigInt(headerBytes));
    this.#context = functions.newContext();
    if (
      this.#context === NULL ||
      functions.encryptInit(this.#context, functions.aes128Gcm(), NULL, this.#keyPointer, NULL) !== OK
    ) {
      throw new Error('OpenSSL refuses AES-128-GCM');
    }
  }

  /** Sets the key of the following packets. @param key 16 bytes @throws Error if OpenSSL refuses it */
  useKey(key: Uint8Array): void {
    this.#key.set(key);
    const { encryptInit } = this.#functions;
    if (encryptInit(this.#context, NULL, NULL, this.#keyPointer, NULL) !== OK) {
      throw new Error('OpenSSL refuses the key');
    }
  }

  /** Sets the memory from which the following payloads are read. The caller keeps it alive until they are sealed. */
  useSource(source: Uint8Array | Uint32Array): void {
    this.#sourceAddress = Number(this.#functions.pointerTo(source));
    this.#sourceBytes = source.byteLength;
  }

  /**
   * Encrypts a payload from the source into a packet, after its header, and writes the tag after it. Never twice with
   * the same key and nonce.
   * @param packet number of the packet in the memory
   * @param nonce 12 bytes
   * @param payloadAt offset of the payload in the source
   * @param payloadBytes without header and tag
   * @throws Error if the payload is not in the source or does not fit its slot, or OpenSSL fails
   */
  seal(packet: number, nonce: Uint8Array, payloadAt: number, payloadBytes: number): void {
    if (payloadBytes > SLOT_BYTES - this.#headerBytes - GCM_TAG_BYTES || payloadAt + payloadBytes > this.#sourceBytes) {
      throw new Error(`a payload of ${payloadBytes} bytes at ${payloadAt} does not fit a slot or its source`);
    }
    for (let i = 0; i < GCM_NONCE_BYTES; i += 1) {
      this.#nonce[i] = nonce[i] as number;
    }
    const plain = this.#sourceAddress + payloadAt;
    this.#plainWords[0] = plain % 2 ** 32;
    this.#plainWords[1] = Math.floor(plain / 2 ** 32);
    this.#tagParameter.setAddress(this.#memoryAddress + packet * SLOT_BYTES + this.#headerBytes + payloadBytes);
    const { setParameters, encryptUpdate, encryptFinal, getParameters } = this.#functions;
    const context = this.#context;
    const header = this.#packetPointers[packet] as bigint;
    const payload = this.#payloadPointers[packet] as bigint;
    const written = this.#writtenPointer;
    const done =
      setParameters(context, this.#nonceParameter.pointer) &
      encryptUpdate(context, NULL, written, header, this.#headerBytes) &
      encryptUpdate(context, payload, written, this.#plain[0] as bigint, payloadBytes) &
      encryptFinal(context, payload, written) &
      getParameters(context, this.#tagParameter.pointer);
    if (done !== OK) {
      throw new Error('OpenSSL cannot encrypt a packet');
    }
  }
}
