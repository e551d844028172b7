/** Ten minutes of a connected browser's checks. */
const KEPT = 256;

/**
 * The newest checks that have passed, by their transactions. A check that somebody has overheard has the right integrity
 * wherever it is sent from again: without a memory it would turn the stream to the listener's address, or to a victim's.
 */
export class SeenChecks {
  /** Of each transaction 64 of its 96 random bits. */
  readonly #words = new Uint32Array(2 * KEPT);
  #count = 0;

  /** @param transactionId 12 bytes. @returns false: it is there already */
  add(transactionId: Uint8Array): boolean {
    const view = new DataView(transactionId.buffer, transactionId.byteOffset, transactionId.byteLength);
    const high = view.getUint32(0);
    const low = view.getUint32(4);
    const filled = 2 * Math.min(this.#count, KEPT);
    for (let i = 0; i < filled; i += 2) {
      if (this.#words[i] === high && this.#words[i + 1] === low) {
        return false;
      }
    }
    const at = 2 * (this.#count % KEPT);
    this.#words[at] = high;
    this.#words[at + 1] = low;
    this.#count += 1;
    return true;
  }
}
