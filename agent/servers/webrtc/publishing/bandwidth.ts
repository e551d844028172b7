/** Enough for a small picture over a phone's uplink; what the link takes shows within a second. */
const START_BITS_PER_SECOND = 1_500_000;
const MIN_BITS_PER_SECOND = 150_000;
const MAX_BITS_PER_SECOND = 100_000_000;
/** Below the first nothing is wrong, above the second the link is full: draft-ietf-rmcat-gcc §6, as browsers have it. */
const LITTLE_LOSS = 0.02;
const HEAVY_LOSS = 0.1;
/** Packets that all wait so long somewhere are queueing; one that waits is part of a key frame. */
const QUEUEING_MS = 150;
/** Head room above what has come: a sender that uses its estimate may half as much again in the next round. */
const ROOM = 1.5;
const BACK_OFF = 0.85;
/** A link that was full once is tried out carefully, and only by those who use what they have. */
const CREEP = 1.04;
const LITTLE_ROOM = 1.1;

/**
 * What a publisher is told that it may send (REMB). Without it Chromium begins with 300 kbit/s and has 1 Mbit/s a quarter of a
 * minute later; in its first two seconds it follows at once, afterwards with 8 % a second.
 */
export class Bandwidth {
  #bitsPerSecond = START_BITS_PER_SECOND;
  #wasFull = false;

  get bitsPerSecond(): number {
    return this.#bitsPerSecond;
  }

  /**
   * Once in a round of about half a second.
   * @param receivedBitsPerSecond in this round
   * @param lost of the packets that should have come, 0 to 1, also where they came again later
   * @param queueMs by how much every packet of the round was later than the quickest of the last seconds
   */
  update(receivedBitsPerSecond: number, lost: number, queueMs: number): void {
    if (lost > HEAVY_LOSS || queueMs > QUEUEING_MS) {
      this.#wasFull = true;
      this.#bitsPerSecond = Math.min(this.#bitsPerSecond, BACK_OFF * receivedBitsPerSecond);
    } else if (lost < LITTLE_LOSS) {
      const reach = this.#wasFull
        ? Math.min(LITTLE_ROOM * receivedBitsPerSecond, CREEP * this.#bitsPerSecond)
        : ROOM * receivedBitsPerSecond;
      this.#bitsPerSecond = Math.max(this.#bitsPerSecond, reach);
    }
    this.#bitsPerSecond = Math.min(MAX_BITS_PER_SECOND, Math.max(MIN_BITS_PER_SECOND, this.#bitsPerSecond));
  }
}
