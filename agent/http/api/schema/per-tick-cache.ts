/** Cached answers per turn; further ones are computed each time. */
const LIMIT = 16;

/** Shares an answer among equal requests in one turn of the event loop, in which the state cannot change: many viewers poll at once. */
export class PerTickCache {
  readonly #answers = new Map<string, Buffer>();

  /** @param question key of the answer, besides the state */
  get(question: string, answer: () => unknown): Buffer {
    const known = this.#answers.get(question);
    if (known) {
      return known;
    }
    const bytes = Buffer.from(JSON.stringify(answer()));
    if (this.#answers.size === 0) {
      setImmediate(() => this.#answers.clear());
    }
    if (this.#answers.size < LIMIT) {
      this.#answers.set(question, bytes);
    }
    return bytes;
  }
}
