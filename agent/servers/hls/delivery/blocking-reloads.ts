import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HlsRendition } from '../contracts/hls-muxer.ts';

/** Of a playlist that does not change any more: then whoever waits for it is told so (RFC 8216bis §6.2.5.2). */
const PATIENCE_TARGETS = 3;
const MIN_PATIENCE_MS = 5_000;

/** Those who wait for playlists to change: hundreds wait for one promise and have one timer together. */
export class BlockingReloads {
  readonly #clock: Clock;
  /** By what the rendition gave: settles with it, or when it is late. */
  readonly #changes = new WeakMap<Promise<void>, Promise<void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Returns when `isThere` says so, which is asked at each change of the rendition's playlist.
   * @throws PerchError unavailable when the muxer is closed meanwhile, or nothing comes for a while
   */
  async until(rendition: HlsRendition, isThere: () => boolean): Promise<void> {
    const startedMs = this.#clock.monoMs();
    while (!isThere()) {
      const patienceMs = patienceOf(rendition);
      if (this.#clock.monoMs() - startedMs >= patienceMs) {
        throw new PerchError('unavailable', `the stream has not gone on for ${Math.round(patienceMs / 1000)} s`);
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
    const stop = new AbortController();
    const late = this.#clock.sleep(patienceMs, stop.signal).then(() => {
      // Who comes now waits anew.
      this.#changes.delete(change);
    });
    const either = Promise.race([change, late]).finally(() => stop.abort());
    this.#changes.set(change, either);
    return either;
  }
}

function patienceOf({ playlist }: HlsRendition): number {
  return Math.max(MIN_PATIENCE_MS, (playlist?.targetDurationS ?? 0) * PATIENCE_TARGETS * 1000);
}
