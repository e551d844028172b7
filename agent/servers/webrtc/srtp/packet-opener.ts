/** Verifies and decrypts single SRTP packets of one profile. */
export interface PacketOpener {
  readonly tagBytes: number;
  /**
   * Decrypts in place what stands between header and tag.
   * @param index 48 bits
   * @returns false when the tag is wrong: the packet is as it was
   */
  open(packet: Buffer, headerBytes: number, ssrc: number, index: number): boolean;
}
