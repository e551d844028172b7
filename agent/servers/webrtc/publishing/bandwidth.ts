/** A picture of 1280x720 as browsers send it takes 2.5 Mbit/s. */
const START_BITS_PER_SECOND = 3_000_000;
const LEAST_BITS_PER_SECOND = 150_000;
const MOST_BITS_PER_SECOND = 100_000_000;
/** Below the first nothing is wrong, above the second the link is full: draft-ietf-rmcat-gcc §6, as browsers have it. */
const LITTLE_LOSS = 0.02;
const HEAVY_LOSS = 0.1;
/** Packets that all wait so long somewhere are queueing; one that waits is a key frame. */
const QUEUEING_MS = 150;
/** Head room above what has come: a sender that uses half of its estimate may double at any moment. */
const ROOM = 1.5;
const BACK_OFF = 0.85;
/** After a full link the estimate creeps for a while instead of jumping to the head room again. */
const CREEP = 1.08;
const CREEP_ROUNDS = 15;

/**
 * What a publisher is told that it may send (REMB). Browsers start at 300 kbit/s and take minutes to get further by themselves
 * without being told; with it they are at their full picture within a second or two. The numbers are of whole rounds of about a second.
 */
export class Bandwidth {
  #bitsPerSecond = START_BITS_PER_SECOND;
  #creepRounds = 0;

  get bitsPerSecond(): number {
    return this.#bitsPerSecond;
  }

  /**
   * @param receivedBitsPerSecond in this round
   * @param lost of the packets that should have come, 0 to 1, also where they came again later
   * @param queueMs by how much every packet of the round was later than the quickest of the last seconds
   */
  update(receivedBitsPerSecond: number, lost: number, queueMs: number): void {
    this.#creepRounds = Math.max(0, this.#creepRounds - 1);
    if (lost > HEAVY_LOSS || queueMs > QUEUEING_MS) {
      this.#bitsPerSecond = Math.min(this.#bitsPerSecond, BACK_OFF * receivedBitsPerSecond);
      this.#creepRounds = CREEP_ROUNDS;
    } else if (lost < LITTLE_LOSS) {
      const room = ROOM * receivedBitsPerSecond;
      const reach = this.#creepRounds > 0 ? Math.min(room, CREEP * this.#bitsPerSecond) : room;
      this.#bitsPerSecond = Math.max(this.#bitsPerSecond, reach);
    }
    this.#bitsPerSecond = Math.min(MOST_BITS_PER_SECOND, Math.max(LEAST_BITS_PER_SECOND, this.#bitsPerSecond));
  }
}
