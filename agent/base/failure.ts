/** The first cause of the end of a connection that several parts watch. */
export class Failure {
  readonly #ended = Promise.withResolvers<unknown>();

  /** Later calls have no effect. */
  readonly fail = (cause: unknown): void => this.#ended.resolve(cause);

  /** Wraps `work`: an exception calls `fail` instead of reaching the caller. */
  guard(work: () => void): () => void;
  guard<Value>(work: (value: Value) => void): (value: Value) => void;
  guard(work: (value?: unknown) => void): (value?: unknown) => void {
    return (value) => {
      try {
        work(value);
      } catch (cause) {
        this.fail(cause);
      }
    };
  }

  /** Resolves when `signal` aborts. @throws the cause of `fail` */
  async wait(signal: AbortSignal): Promise<void> {
    const abort = () => this.fail(undefined);
    signal.addEventListener('abort', abort);
    try {
      const cause = signal.aborted ? undefined : await this.#ended.promise;
      if (!signal.aborted) {
        throw cause;
      }
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}
