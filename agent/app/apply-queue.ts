import { setImmediate } from 'node:timers/promises';

/** Applies configurations in sequence, and none after the stop, whose work must not be undone. */
export class ApplyQueue {
  readonly #stop: AbortSignal;
  #last: Promise<void> = Promise.resolve();
  #isChanged = false;

  constructor(stop: AbortSignal) {
    this.#stop = stop;
  }

  /** Resolves when all turns taken so far are over. */
  get done(): Promise<void> {
    return this.#last;
  }

  take(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(() => (this.#stop.aborted ? undefined : work()));
    return this.#last;
  }

  /** Changes in quick succession are applied together. */
  soon(apply: () => Promise<void>): void {
    if (this.#isChanged) {
      return;
    }
    this.#isChanged = true;
    void this.take(async () => {
      // The reply to a change of a port's settings precedes the restart of that port.
      await setImmediate();
      this.#isChanged = false;
      if (!this.#stop.aborted) {
        await apply();
      }
    });
  }
}
