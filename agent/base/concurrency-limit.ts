import { PerchError } from './errors.ts';

/** Suggested time before rejected work is retried, by kind of work. A camera takes some seconds. */
const RETRY_AFTER_S = { logins: 5, cameras: 10, sources: 10, pictures: 5, readers: 3, requests: 1 } as const;

/** Runs up to `maxConcurrent` tasks; up to `maxWaiting` more wait, and further ones are rejected. */
export class ConcurrencyLimit {
  readonly #maxConcurrent: number;
  readonly #maxWaiting: number;
  readonly #what: keyof typeof RETRY_AFTER_S;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param what plural of the tasks, for the error */
  constructor(maxConcurrent: number, maxWaiting: number, what: keyof typeof RETRY_AFTER_S) {
    this.#maxConcurrent = maxConcurrent;
    this.#maxWaiting = maxWaiting;
    this.#what = what;
  }

  /** Admits tasks that belong together, either all or none. @throws PerchError exhausted if they do not fit */
  checkRoom(count: number): void {
    if (this.#waiting.length + count > this.#maxWaiting) {
      const words = `${this.#waiting.length} ${this.#what} are waiting already, the limit is ${this.#maxWaiting}`;
      throw new PerchError('exhausted', words, { retryAfterS: RETRY_AFTER_S[this.#what] });
    }
  }

  /** @throws PerchError exhausted if the queue is full */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#maxConcurrent) {
      this.checkRoom(1);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      // The slot is handed over, so that no new task gets in between.
      const next = this.#waiting.shift();
      if (next) {
        next();
      } else {
        this.#running -= 1;
      }
    }
  }
}

/** Runs up to `maxConcurrent` tasks for each key; up to `maxWaiting` others wait. */
export class ConcurrencyLimits {
  readonly #ofEach: ConstructorParameters<typeof ConcurrencyLimit>;
  readonly #all = new Map<string, { readonly limit: ConcurrencyLimit; tasks: number }>();

  constructor(...ofEach: ConstructorParameters<typeof ConcurrencyLimit>) {
    this.#ofEach = ofEach;
  }

  /** @throws PerchError exhausted */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#all.get(key) ?? { limit: new ConcurrencyLimit(...this.#ofEach), tasks: 0 };
    this.#all.set(key, entry);
    entry.tasks += 1;
    try {
      return await entry.limit.run(work);
    } finally {
      entry.tasks -= 1;
      if (entry.tasks === 0) {
        this.#all.delete(key);
      }
    }
  }
}
