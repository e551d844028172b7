import { PerchError } from './base/errors.ts';

/** So many works at a time; the others wait for their turn. */
export class Turns {
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atOnce: number, mostWaiting: number) {
    this.#atOnce = atOnce;
    this.#mostWaiting = mostWaiting;
  }

  /** @throws PerchError exhausted when not so many more may wait */
  checkRoom(count: number): void {
    if (this.#waiting.length + count > this.#mostWaiting) {
      const words = `${this.#waiting.length} cameras wait for their turn, the limit is ${this.#mostWaiting}`;
      throw new PerchError('exhausted', words, { retryAfterS: 10 });
    }
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) {
        next();
      } else {
        this.#running -= 1;
      }
    }
  }
}
