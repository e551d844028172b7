/** Header and SSRC stay unencrypted, RFC 3711 §3.4. */
export const CLEAR_BYTES = 8;
/** The E bit and a 31-bit index follow the encrypted part. */
export const INDEX_BYTES = 4;
export const ENCRYPTED_FLAG = 0x8000_0000;

/** Encrypts compound RTCP packets with one profile. With a few packets per second, plain ciphers suffice. */
export interface SrtcpCipher {
  /** Added by encryption. */
  readonly overheadBytes: number;
  /** The word with E bit and index; the packet must be long enough. */
  trailerOf(packet: Buffer): number;
  seal(compound: Uint8Array, ssrc: number, index: number): Buffer;
  /** @returns the compound packet; undefined if not authentic */
  open(packet: Buffer, ssrc: number, trailer: number): Buffer | undefined;
}
