import { PerchError } from '../../../base/errors.ts';

/** The next change of a playlist, one promise for all requests. */
export class PlaylistChange {
  #pending: PromiseWithResolvers<void> | undefined;
  #isOver = false;

  wait(): Promise<void> {
    if (!this.#pending) {
      this.#pending = Promise.withResolvers();
      // The promise may have no handler: its rejection must not count as unhandled.
      this.#pending.promise.catch(() => {});
      if (this.#isOver) {
        this.#pending.reject(muxerClosed());
      }
    }
    return this.#pending.promise;
  }

  happened(): void {
    this.#pending?.resolve();
    this.#pending = undefined;
  }

  /** Rejects all waiting requests. */
  end(): void {
    this.#isOver = true;
    this.#pending?.reject(muxerClosed());
  }
}

const muxerClosed = (): PerchError => new PerchError('unavailable', 'the HLS muxer has been closed');
