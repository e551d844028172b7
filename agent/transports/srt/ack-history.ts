import { sequenceDistance } from './packet.ts';

/** The most full ACKs that are kept for their ACKACKs: those of two seconds. */
const ACKS = 256;

/** Full acknowledgements that were sent, and what the peer has confirmed of them (§4.8.1). Times in µs. */
export class AckHistory {
  #number = 0;
  /** Acknowledged sequence numbers, by `number % ACKS`. */
  readonly #sequences = new Int32Array(ACKS);
  /** When each ACK was sent; 0: confirmed, or no ACK. */
  readonly #timesUs = new Float64Array(ACKS);
  #newest: number;
  #newestUs = 0;
  #confirmed: number;

  constructor(firstSequence: number) {
    this.#newest = firstSequence;
    this.#confirmed = firstSequence;
  }

  /** The sequence number that was acknowledged last. */
  get newest(): number {
    return this.#newest;
  }

  /** Whether to acknowledge `sequence`: the same one is sent again after `repeatUs` without confirmation. */
  isDue(sequence: number, repeatUs: number, nowUs: number): boolean {
    return sequence !== this.#confirmed && (sequence !== this.#newest || nowUs - this.#newestUs >= repeatUs);
  }

  /** @returns the number of the ACK */
  add(sequence: number, nowUs: number): number {
    this.#newest = sequence;
    this.#newestUs = nowUs;
    this.#number += 1;
    this.#sequences[this.#number % ACKS] = sequence;
    this.#timesUs[this.#number % ACKS] = nowUs;
    return this.#number;
  }

  /** An ACKACK has arrived. @returns when its ACK was sent, or undefined if it is unknown or was confirmed before */
  confirm(number: number): number | undefined {
    const age = this.#number - number;
    const sentUs = number > 0 && age >= 0 && age < ACKS ? (this.#timesUs[number % ACKS] as number) : 0;
    if (sentUs === 0) {
      return undefined;
    }
    this.#timesUs[number % ACKS] = 0;
    const sequence = this.#sequences[number % ACKS] as number;
    if (sequenceDistance(sequence, this.#confirmed) > 0) {
      this.#confirmed = sequence;
    }
    return sentUs;
  }
}
