import type { CipherFunctions } from './functions.ts';
import { type PacketMemory, SLOT_BYTES } from './packet-memory.ts';

export const GCM_KEY_BYTES = 16;
export const GCM_NONCE_BYTES = 12;
export const GCM_TAG_BYTES = 16;
/** OpenSSL's EVP_CTRL_AEAD_GET_TAG. */
const GET_TAG = 0x10;
const NULL = 0n;
const OK = 1;

/**
 * AES-128-GCM (NIST SP 800-38D) of packets in a memory, by one OpenSSL context for all keys: no cipher object per
 * packet. All that OpenSSL reads by pointer is a field of this object, except the payloads.
 */
export class GcmCipher {
  readonly #functions: CipherFunctions;
  readonly #memory: PacketMemory;
  readonly #key = new Uint8Array(GCM_KEY_BYTES);
  readonly #nonce = new Uint8Array(GCM_NONCE_BYTES);
  readonly #tag = new Uint8Array(GCM_TAG_BYTES);
  /** Written by OpenSSL, not used. */
  readonly #written = new Int32Array(1);
  readonly #context: bigint;
  readonly #keyPointer: bigint;
  readonly #noncePointer: bigint;
  readonly #tagPointer: bigint;
  readonly #writtenPointer: bigint;
  readonly #packetPointers: readonly bigint[];
  readonly #payloadPointers: readonly bigint[];
  readonly #headerBytes: number;
  /** Of the current source: of user space, which has 47 or 48 bits, exact as a number. */
  #sourceAddress = 0;
  #sourceBytes = 0;

  /** @param headerBytes of each packet in `memory`: authenticated, not encrypted */
  constructor(functions: CipherFunctions, memory: PacketMemory, headerBytes: number) {
    this.#functions = functions;
    this.#memory = memory;
    this.#headerBytes = headerBytes;
    this.#keyPointer = functions.pointerTo(this.#key);
    this.#noncePointer = functions.pointerTo(this.#nonce);
    this.#tagPointer = functions.pointerTo(this.#tag);
    this.#writtenPointer = functions.pointerTo(this.#written);
    const start = functions.pointerTo(memory.bytes);
    this.#packetPointers = Array.from({ length: memory.packets }, (_, i) => start + BigInt(i * SLOT_BYTES));
    this.#payloadPointers = this.#packetPointers.map((pointer) => pointer + BigInt(headerBytes));
    this.#context = functions.newContext();
    if (
      this.#context === NULL ||
      functions.encryptInit(this.#context, functions.aes128Gcm(), NULL, this.#keyPointer, this.#noncePointer) !== OK
    ) {
      throw new Error('OpenSSL refuses AES-128-GCM');
    }
  }

  /** For the following packets. @param key 16 bytes @throws Error if OpenSSL refuses it */
  useKey(key: Uint8Array): void {
    this.#key.set(key);
    const { encryptInit } = this.#functions;
    if (encryptInit(this.#context, NULL, NULL, this.#keyPointer, NULL) !== OK) {
      throw new Error('OpenSSL refuses the key');
    }
  }

  /** Payloads of the following packets; the caller holds it until then. */
  useSource(source: Uint8Array | Uint32Array): void {
    this.#sourceAddress = Number(this.#functions.pointerTo(source));
    this.#sourceBytes = source.byteLength;
  }

  /**
   * Encrypts a payload from the source into a packet, after its header, and writes the tag after it. Never twice with
   * the same key and nonce.
   * @param packet its number in the memory
   * @param nonce 12 bytes
   * @param payloadAt in the source
   * @param payloadBytes without header and tag
   * @throws Error if the payload is not in the source or does not fit its slot, or OpenSSL fails
   */
  seal(packet: number, nonce: Uint8Array, payloadAt: number, payloadBytes: number): void {
    if (payloadBytes > SLOT_BYTES - this.#headerBytes - GCM_TAG_BYTES || payloadAt + payloadBytes > this.#sourceBytes) {
      throw new Error(`a payload of ${payloadBytes} bytes at ${payloadAt} does not fit a slot or its source`);
    }
    const functions = this.#functions;
    const context = this.#context;
    for (let i = 0; i < GCM_NONCE_BYTES; i += 1) {
      this.#nonce[i] = nonce[i] as number;
    }
    const header = this.#packetPointers[packet] as bigint;
    const payload = this.#payloadPointers[packet] as bigint;
    const written = this.#writtenPointer;
    const plain = BigInt(this.#sourceAddress + payloadAt);
    const done =
      functions.encryptInit(context, NULL, NULL, NULL, this.#noncePointer) &
      functions.encryptUpdate(context, NULL, written, header, this.#headerBytes) &
      functions.encryptUpdate(context, payload, written, plain, payloadBytes) &
      functions.encryptFinal(context, this.#tagPointer, written);
    if (done !== OK || functions.controlContext(context, GET_TAG, GCM_TAG_BYTES, this.#tagPointer) !== OK) {
      throw new Error('OpenSSL cannot encrypt a packet');
    }
    const { bytes } = this.#memory;
    const end = packet * SLOT_BYTES + this.#headerBytes + payloadBytes;
    for (let i = 0; i < GCM_TAG_BYTES; i += 1) {
      bytes[end + i] = this.#tag[i] as number;
    }
  }
}
