/** RFC 8555 §8.3. */
export const CHALLENGE_PATH = '/.well-known/acme-challenge/';

/** Texts that the authority fetches, by token, while it checks that a name leads here. */
export class Challenges {
  readonly #texts = new Map<string, string>();

  /** @returns removes it */
  publish(token: string, text: string): () => void {
    this.#texts.set(token, text);
    return () => this.#texts.delete(token);
  }

  find(token: string): string | undefined {
    return this.#texts.get(token);
  }
}
