import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { AUTH_TAG_BYTES } from '../../../media/rtp/header.ts';
import { GcmNonce, TAG_BYTES } from './gcm-nonce.ts';
import { ReplayWindow } from './replay-window.ts';
import { AEAD_AES_128_GCM, deriveRtcpKeys, type SessionKeys, type SrtpKeys } from './srtp-keys.ts';

/** The most sender SSRCs of a peer: a browser uses the SSRC of each sent track, or a separate one. */
const MAX_SSRCS = 16;

/** SRTCP of one session, in both directions, with either profile. */
export class Srtcp {
  readonly #cipher: SrtcpCipher;
  #nextIndex = 1;
  /** Replay windows by sender SSRC. */
  readonly #windows = new Map<number, ReplayWindow>();

  constructor(keys: SrtpKeys) {
    this.#cipher = keys.profile === AEAD_AES_128_GCM ? new SrtcpGcm(keys) : new SrtcpCm(keys);
  }

  protect(compound: Uint8Array): Buffer {
    const index = this.#nextIndex;
    this.#nextIndex += 1;
    const ssrc = new DataView(compound.buffer, compound.byteOffset, compound.byteLength).getUint32(4);
    return this.#cipher.seal(compound, ssrc, index);
  }

  /** @returns the compound packet; undefined if damaged, forged or repeated */
  unprotect(packet: Buffer): Buffer | undefined {
    if (packet.length < CLEAR_BYTES + this.#cipher.overheadBytes) {
      return undefined;
    }
    const ssrc = packet.readUInt32BE(4);
    const trailer = this.#cipher.trailerOf(packet);
    const index = trailer % ENCRYPTED_FLAG;
    const window = this.#windows.get(ssrc);
    if (window ? !window.isNew(index) : this.#windows.size >= MAX_SSRCS) {
      return undefined;
    }
    const compound = this.#cipher.open(packet, ssrc, trailer);
    if (compound) {
      if (window) {
        window.accept(index);
      } else {
        this.#windows.set(ssrc, new ReplayWindow(index));
      }
    }
    return compound;
  }
}

/** Bytes of header and SSRC, which stay unencrypted, RFC 3711 §3.4. */
const CLEAR_BYTES = 8;
/** The E bit and a 31-bit index follow the encrypted part. */
const INDEX_BYTES = 4;
const ENCRYPTED_FLAG = 0x8000_0000;

/** Encrypts compound RTCP packets with one profile. With a few packets per second, plain ciphers suffice. */
abstract class SrtcpCipher {
  /** Bytes that encryption adds. */
  abstract readonly overheadBytes: number;
  protected readonly local: SessionKeys;
  protected readonly remote: SessionKeys;

  constructor({ localKey, localSalt, remoteKey, remoteSalt }: SrtpKeys) {
    this.local = deriveRtcpKeys(localKey, localSalt);
    this.remote = deriveRtcpKeys(remoteKey, remoteSalt);
  }

  /** The word with E bit and index; the packet must be long enough. */
  abstract trailerOf(packet: Buffer): number;
  abstract seal(compound: Uint8Array, ssrc: number, index: number): Buffer;
  /** @returns the compound packet; undefined if not authentic */
  abstract open(packet: Buffer, ssrc: number, trailer: number): Buffer | undefined;
}

/** SRTCP with AES-CM and HMAC-SHA1-80, RFC 3711 §3.4: the index, then a tag over everything. */
class SrtcpCm extends SrtcpCipher {
  readonly overheadBytes = INDEX_BYTES + AUTH_TAG_BYTES;

  trailerOf(packet: Buffer): number {
    return packet.readUInt32BE(packet.length - this.overheadBytes);
  }

  seal(compound: Uint8Array, ssrc: number, index: number): Buffer {
    const body = crypt(this.local, ssrc, index, compound.subarray(CLEAR_BYTES));
    const trailer = Buffer.alloc(INDEX_BYTES);
    trailer.writeUInt32BE((ENCRYPTED_FLAG | index) >>> 0);
    const covered = Buffer.concat([compound.subarray(0, CLEAR_BYTES), body, trailer]);
    return Buffer.concat([covered, tagOf(this.local, covered)]);
  }

  open(packet: Buffer, ssrc: number, trailer: number): Buffer | undefined {
    const covered = packet.subarray(0, packet.length - AUTH_TAG_BYTES);
    if (!timingSafeEqual(packet.subarray(covered.length), tagOf(this.remote, covered))) {
      return undefined;
    }
    const body = packet.subarray(CLEAR_BYTES, packet.length - this.overheadBytes);
    const isEncrypted = trailer >= ENCRYPTED_FLAG;
    const plain = isEncrypted ? crypt(this.remote, ssrc, trailer - ENCRYPTED_FLAG, body) : body;
    return Buffer.concat([packet.subarray(0, CLEAR_BYTES), plain]);
  }
}

/** Counter mode is its own inverse. The counter starts at `salt XOR ssrc XOR index`, RFC 3711 §4.1.1. */
function crypt(keys: SessionKeys, ssrc: number, index: number, body: Uint8Array): Buffer {
  const counter = Buffer.alloc(16);
  counter.set(keys.salt);
  counter.writeUInt32BE((counter.readUInt32BE(4) ^ ssrc) >>> 0, 4);
  counter.writeUInt32BE((counter.readUInt32BE(10) ^ index) >>> 0, 10);
  return createCipheriv('aes-128-ctr', keys.cipherKey, counter).update(body);
}

function tagOf(keys: SessionKeys, covered: Uint8Array): Buffer {
  return createHmac('sha1', keys.authKey).update(covered).digest().subarray(0, AUTH_TAG_BYTES);
}

/** SRTCP with AEAD_AES_128_GCM, RFC 7714 §9: the tag precedes the index, which is authenticated with the header. */
class SrtcpGcm extends SrtcpCipher {
  readonly overheadBytes = TAG_BYTES + INDEX_BYTES;

  trailerOf(packet: Buffer): number {
    return packet.readUInt32BE(packet.length - INDEX_BYTES);
  }

  seal(compound: Uint8Array, ssrc: number, index: number): Buffer {
    const header = compound.subarray(0, CLEAR_BYTES);
    const trailer = Buffer.alloc(INDEX_BYTES);
    trailer.writeUInt32BE((ENCRYPTED_FLAG | index) >>> 0);
    const nonce = new GcmNonce(this.local.salt).forRtcp(ssrc, index);
    const cipher = createCipheriv('aes-128-gcm', this.local.cipherKey, nonce);
    cipher.setAAD(Buffer.concat([header, trailer]));
    const body = cipher.update(compound.subarray(CLEAR_BYTES));
    cipher.final();
    return Buffer.concat([header, body, cipher.getAuthTag(), trailer]);
  }

  open(packet: Buffer, ssrc: number, trailer: number): Buffer | undefined {
    const tagAt = packet.length - this.overheadBytes;
    // Unencrypted packets are authenticated only (RFC 7714 §9.3).
    const isEncrypted = trailer >= ENCRYPTED_FLAG;
    const clearBytes = isEncrypted ? CLEAR_BYTES : tagAt;
    const clear = packet.subarray(0, clearBytes);
    const nonce = new GcmNonce(this.remote.salt).forRtcp(ssrc, trailer % ENCRYPTED_FLAG);
    const decipher = createDecipheriv('aes-128-gcm', this.remote.cipherKey, nonce);
    decipher.setAAD(Buffer.concat([clear, packet.subarray(packet.length - INDEX_BYTES)]));
    decipher.setAuthTag(packet.subarray(tagAt, tagAt + TAG_BYTES));
    const plain = decipher.update(packet.subarray(clearBytes, tagAt));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return Buffer.concat([clear, plain]);
  }
}
