/** RFC 3550 appendix A.1: a step forward that may still be loss, and one backward that may still be reordering. */
const MAX_DROPOUT = 3_000;

/**
 * A packet's relation to the previous ones.
 * `suspect`: its number is implausible; keep the packet, because the next one decides.
 * `restart`: the previous packet was suspect, and the two begin a new sequence. `drop`: a duplicate, or too late.
 */
type Arrival = 'next' | 'gap' | 'drop' | 'suspect' | 'restart';

/** Follows the sequence numbers of one RTP source, RFC 3550 appendix A.1, for receivers that do not reorder. */
export class SequenceTracker {
  /** Missing packets; late ones still count. */
  lost = 0;
  /** Duplicates and late packets. */
  late = 0;
  /** The highest so far, extended by the number of wraps. */
  highest = -1;
  #first = 0;
  /** The only sequence number that would prove a restart; -1: none expected. */
  #restartAt = -1;

  /** Expected packets since the first. */
  get expected(): number {
    return this.highest < 0 ? 0 : this.highest - this.#first + 1;
  }

  isNext(sequence: number): boolean {
    return this.highest >= 0 && ((sequence - this.highest) & 0xffff) === 1;
  }

  /** @param isLater its timestamp is later than all others, so it is neither a duplicate nor late */
  push(sequence: number, isLater = false): Arrival {
    if (this.highest < 0) {
      this.#begin(sequence);
      return 'next';
    }
    const ahead = (sequence - this.highest) & 0xffff;
    if (ahead > 0 && ahead <= MAX_DROPOUT) {
      this.#restartAt = -1;
      this.highest += ahead;
      this.lost += ahead - 1;
      return ahead === 1 ? 'next' : 'gap';
    }
    if (!isLater && (ahead === 0 || ahead > 0xffff - 100)) {
      this.late += 1;
      return 'drop';
    }
    if (sequence === this.#restartAt) {
      this.#begin(sequence);
      this.#first = sequence - 1;
      // The suspect packet before was counted as lost.
      this.lost -= 1;
      return 'restart';
    }
    // A single implausible number may be an error; two consecutive ones are a restarted sender.
    this.#restartAt = (sequence + 1) & 0xffff;
    this.lost += 1;
    return 'suspect';
  }

  /** The next packet counts as the first (the SSRC has changed). */
  reset(): void {
    this.highest = -1;
  }

  #begin(sequence: number): void {
    this.#restartAt = -1;
    this.#first = sequence;
    this.highest = sequence;
  }
}

/** 2^32: the first ticks of a track, so that timestamps a little before the first are not negative. */
const START = 2 ** 32;

/** Turns RTP timestamps that wrap at 2^32 into ticks that do not; steps of up to 2^31 in either direction are kept. */
export class TickUnwrapper {
  #lastTimestamp = -1;
  #lastTicks = START;

  unwrap(timestamp: number): number {
    if (this.#lastTimestamp < 0) {
      this.#lastTicks = START + timestamp;
    } else {
      // `| 0` makes the difference a signed 32-bit number: the shorter direction.
      this.#lastTicks += (timestamp - this.#lastTimestamp) | 0;
    }
    this.#lastTimestamp = timestamp;
    return this.#lastTicks;
  }

  /** The ticks of a timestamp near the last one, without state changes. */
  near(timestamp: number): number {
    return this.#lastTimestamp < 0 ? START + timestamp : this.#lastTicks + ((timestamp - this.#lastTimestamp) | 0);
  }
}
