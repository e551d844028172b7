/** Size of the window as in browsers: retransmissions arrive late. */
const WINDOW_PACKETS = 1_024;
const WORD_BITS = 32;
const WORDS = WINDOW_PACKETS / WORD_BITS + 1;
/** Packet indexes have 48 bits. */
const INDEX_LIMIT = 2 ** 48;

/**
 * Received packets of one SSRC, RFC 3711 §3.3.1 and §3.3.2. A ring of bits with a spare word (RFC 6479): advancing
 * clears whole words and shifts nothing.
 */
export class ReplayWindow {
  readonly #seen = new Uint32Array(WORDS);
  #highest: number;

  /** @param first index of the first authenticated packet */
  constructor(first: number) {
    this.#highest = first;
    this.#mark(first);
  }

  /** @returns the 48-bit index nearest to the newest packet; negative: none */
  estimate(sequence: number): number {
    const ahead = ((sequence - this.#highest) << 16) >> 16;
    const index = this.#highest + ahead;
    return index < INDEX_LIMIT ? index : -1;
  }

  /** Whether a packet is neither received nor too old. */
  isNew(index: number): boolean {
    if (index > this.#highest) {
      return true;
    }
    if (index < 0 || this.#highest - index >= WINDOW_PACKETS) {
      return false;
    }
    return ((this.#seen[wordOf(index)] as number) & bitOf(index)) === 0;
  }

  /** Marks a packet as received. Only for authentic, new packets. */
  accept(index: number): void {
    if (index > this.#highest) {
      const from = Math.floor(this.#highest / WORD_BITS);
      const to = Math.floor(index / WORD_BITS);
      const cleared = Math.min(to - from, WORDS);
      for (let i = 0; i < cleared; i += 1) {
        this.#seen[(to - i) % WORDS] = 0;
      }
      this.#highest = index;
    }
    this.#mark(index);
  }

  #mark(index: number): void {
    const word = wordOf(index);
    this.#seen[word] = (this.#seen[word] as number) | bitOf(index);
  }
}

const wordOf = (index: number): number => Math.floor(index / WORD_BITS) % WORDS;
const bitOf = (index: number): number => 1 << (index % WORD_BITS);
