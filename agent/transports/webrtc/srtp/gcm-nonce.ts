/** AES-128-GCM, RFC 7714 §13.2. */
export const TAG_BYTES = 16;
const NONCE_BYTES = 12;

/** Nonces are built in place and valid until the next one. */
export class GcmNonce {
  readonly #salt: DataView;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #view = new DataView(this.#nonce.buffer);

  /** @param salt salt of the session; its first 12 bytes are used */
  constructor(salt: Uint8Array) {
    this.#salt = new DataView(salt.buffer, salt.byteOffset, salt.byteLength);
    this.#view.setUint16(0, this.#salt.getUint16(0));
  }

  /** RFC 7714 §8.1: SSRC, roll-over counter and sequence number. */
  forRtp(ssrc: number, index: number): Uint8Array {
    const salt = this.#salt;
    const view = this.#view;
    view.setUint32(2, salt.getUint32(2) ^ ssrc);
    view.setUint32(6, salt.getUint32(6) ^ Math.floor(index / 65_536));
    view.setUint16(10, salt.getUint16(10) ^ (index % 65_536));
    return this.#nonce;
  }

  /** RFC 7714 §9.1: SSRC and the 31-bit SRTCP index. */
  forRtcp(ssrc: number, index: number): Uint8Array {
    const salt = this.#salt;
    const view = this.#view;
    view.setUint32(2, salt.getUint32(2) ^ ssrc);
    view.setUint16(6, salt.getUint16(6));
    view.setUint32(8, salt.getUint32(8) ^ index);
    return this.#nonce;
  }
}
