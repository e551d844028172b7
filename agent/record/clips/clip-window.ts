import type { Clock } from '../../base/clock.ts';
import type { CameraEvent } from '../events/event.ts';

/**
 * How long a path is recorded for its events; overlapping ones form one window. Uses the monotonic clock: setting the
 * wall clock neither cuts a clip nor makes it endless.
 */
export class ClipWindow {
  readonly #postRollMs: number;
  readonly #clock: Pick<Clock, 'monoMs' | 'wallMs'>;
  readonly #running = new Set<string>();
  #untilMs = -Infinity;

  constructor(postRollMs: number, clock: Pick<Clock, 'monoMs' | 'wallMs'>) {
    this.#postRollMs = postRollMs;
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#running.size > 0 || this.#clock.monoMs() < this.#untilMs;
  }

  /** Whether a sample arriving now belongs to the window. @param wall its capture time, Unix milliseconds */
  contains(wall: number): boolean {
    // A larger difference means a clock was set.
    const onTheWayMs = Math.min(2_000, Math.max(0, this.#clock.wallMs() - wall));
    return this.#running.size > 0 || this.#clock.monoMs() - onTheWayMs < this.#untilMs;
  }

  /** Age of an instant; 0 for the future. @param us Unix microseconds */
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
