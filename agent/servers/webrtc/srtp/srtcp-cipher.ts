/** Header and SSRC of the first packet stay readable, RFC 3711 §3.4. */
export const CLEAR_BYTES = 8;
/** E bit and 31-bit index after the encrypted part. */
export const INDEX_BYTES = 4;
export const ENCRYPTED_FLAG = 0x8000_0000;

/** One profile's way with compound RTCP packets. A few packets a second: plain ciphers are enough. */
export interface SrtcpCipher {
  /** What protection adds to a packet. */
  readonly overheadBytes: number;
  /** The word with E bit and index, of a packet that is long enough. */
  trailerOf(packet: Buffer): number;
  seal(compound: Uint8Array, ssrc: number, index: number): Buffer;
  /** @returns the compound packet; undefined when the tag is wrong */
  open(packet: Buffer, ssrc: number, trailer: number): Buffer | undefined;
}
