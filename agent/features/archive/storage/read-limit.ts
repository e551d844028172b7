import { PerchError } from '../../../base/errors.ts';

const RETRY_SECONDS = 5;

/** Limits the number of concurrent pieces of work and of waiting ones. The waiting ones start in order of arrival. */
export class ReadLimit {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(maxRunning: number, maxWaiting: number) {
    this.#maxRunning = maxRunning;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Ends at once when the signal aborts. Work that continues, for example on a hung disk, still counts.
   * @throws PerchError exhausted: too much work waits; the signal's reason if it aborts meanwhile
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#running < this.#maxRunning) {
      this.#running += 1;
    } else {
      await this.#wait(signal);
    }
    if (signal.aborted) {
      this.#next();
      throw signal.reason;
    }
    const done = work().finally(() => this.#next());
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([done, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next) {
      next();
    } else {
      this.#running -= 1;
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new PerchError('exhausted', `too many recordings are read from the archive: try again`, {
        retryAfterS: RETRY_SECONDS,
      });
    }
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn.resolve);
    const leave = (): void => {
      const at = this.#waiting.indexOf(turn.resolve);
      if (at >= 0) {
        this.#waiting.splice(at, 1);
        turn.reject(signal.reason);
      }
    };
    signal.addEventListener('abort', leave, { once: true });
    await turn.promise.finally(() => signal.removeEventListener('abort', leave));
  }
}
