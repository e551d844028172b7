import type { Clock } from '../../base/clock.ts';
import type { CameraEvent } from '../events/event.ts';

/** Pictures are not longer than this on their way; where they seem to be, a clock has been set. */
const MAX_WAY_MS = 2_000;

/**
 * Until when a path is recorded for the sake of its events: overlapping ones make one window. It runs on the monotonic clock, because
 * a wall clock that is set must neither cut a clip short nor make it endless.
 */
export class ClipWindow {
  readonly #postRollMs: number;
  readonly #clock: Pick<Clock, 'monoMs' | 'wallMs'>;
  /** Ids of events that have not ended. */
  readonly #running = new Set<string>();
  #untilMs = -Infinity;

  constructor(postRollMs: number, clock: Pick<Clock, 'monoMs' | 'wallMs'>) {
    this.#postRollMs = postRollMs;
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#running.size > 0 || this.#clock.monoMs() < this.#untilMs;
  }

  /** Whether a sample belongs to it that comes in now. @param wall its capture time, Unix milliseconds */
  takes(wall: number): boolean {
    const onTheWayMs = Math.min(MAX_WAY_MS, Math.max(0, this.#clock.wallMs() - wall));
    return this.#running.size > 0 || this.#clock.monoMs() - onTheWayMs < this.#untilMs;
  }

  /** How long ago an instant was; 0 when it is still to come. @param us Unix microseconds */
  agoMs(us: number): number {
    return Math.max(0, this.#clock.wallMs() - us / 1000);
  }

  take({ id, endUs }: Pick<CameraEvent, 'id' | 'endUs'>): void {
    if (endUs === undefined) {
      this.#running.add(id);
      return;
    }
    this.#running.delete(id);
    const endMs = this.#clock.monoMs() + endUs / 1000 - this.#clock.wallMs();
    this.#untilMs = Math.max(this.#untilMs, endMs + this.#postRollMs);
  }
}
