/** Different questions of one turn that are remembered; further ones are answered each for itself. */
const LIMIT = 16;

/**
 * Answers that are put together once for all who ask the same within one turn of the event loop: nothing that one of them could
 * have waited for lies between. Many who watch a box ask all at once, again and again.
 */
export class PerTickCache {
  readonly #answers = new Map<string, Buffer>();

  /** @param question what the answer depends on, besides the state of the box */
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
