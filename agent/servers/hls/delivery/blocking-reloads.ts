import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HlsRendition } from '../contracts/hls-muxer.ts';

/** A waiting request is rejected after this many target durations (RFC 8216bis §6.2.5.2). */
const PATIENCE_TARGETS = 3;

/** The stream ended or stalled during the wait. Not an error of Perch, which would be logged for each viewer. */
export interface Fault {
  readonly status: number;
  readonly error: string;
}

/** The muxer was closed during the wait. The status is MediaMTX's. */
export const ENDED: Fault = { status: 500, error: 'the stream has ended' };

/** Requests waiting for a playlist change: hundreds share one promise and one timer. */
export class BlockingReloads {
  readonly #clock: Clock;
  /** Promises that settle with a rendition's change, or by timeout. The key is the rendition's own promise. */
  readonly #changes = new WeakMap<Promise<void>, Promise<void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves when `isThere` is true, checked at each change of the playlist.
   * @throws PerchError unavailable if the muxer is closed, or nothing changes for too long
   */
  async until(rendition: HlsRendition, isThere: () => boolean): Promise<void> {
    const startedMs = this.#clock.monoMs();
    while (!isThere()) {
      const patienceMs = patienceOf(rendition);
      if (this.#clock.monoMs() - startedMs >= patienceMs) {
        throw new PerchError('unavailable', `the stream has stalled for ${Math.round(patienceMs / 1000)} s`);
      }
      await this.#change(rendition, patienceMs);
    }
  }

  #change(rendition: HlsRendition, patienceMs: number): Promise<void> {
    const change = rendition.changed();
    const known = this.#changes.get(change);
    if (known) {
      return known;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // `every` instead of `sleep`: aborting a sleep for each part costs as much as writing its playlist.
    const stop = this.#clock.every(patienceMs, () => {
      stop();
      // Later requests wait for a new promise.
      this.#changes.delete(change);
      resolve();
    });
    change.then(
      () => {
        stop();
        resolve();
      },
      (cause: unknown) => {
        stop();
        reject(cause);
      },
    );
    this.#changes.set(change, promise);
    return promise;
  }
}

function patienceOf({ playlist }: HlsRendition): number {
  return Math.max(5_000, (playlist?.targetDurationS ?? 0) * PATIENCE_TARGETS * 1000);
}
