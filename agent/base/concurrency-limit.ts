import { PerchError } from './errors.ts';

/** After which whoever is refused may ask again. A camera takes some seconds. */
const RETRY_AFTER_S = { 'log-ins': 5, cameras: 10 } as const;

/** So many works at a time; so many more wait for their turn, and further ones are refused. */
export class ConcurrencyLimit {
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  readonly #what: keyof typeof RETRY_AFTER_S;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param what those who are refused are told that these wait */
  constructor(atOnce: number, mostWaiting: number, what: keyof typeof RETRY_AFTER_S) {
    this.#atOnce = atOnce;
    this.#mostWaiting = mostWaiting;
    this.#what = what;
  }

  /** Before works that belong together: all of them or none. @throws PerchError exhausted when not so many more may wait */
  checkRoom(count: number): void {
    if (this.#waiting.length + count > this.#mostWaiting) {
      const words = `${this.#waiting.length} ${this.#what} are waiting already, the limit is ${this.#mostWaiting}`;
      throw new PerchError('exhausted', words, { retryAfterS: RETRY_AFTER_S[this.#what] });
    }
  }

  /** @throws PerchError exhausted when no more may wait */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) {
      this.checkRoom(1);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      // The place is handed over as it is, so nobody who comes in between can take it.
      const next = this.#waiting.shift();
      if (next) {
        next();
      } else {
        this.#running -= 1;
      }
    }
  }
}
