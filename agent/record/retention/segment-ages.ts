import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { FinishedSegment, Segment, SegmentLog } from '../file/segment-log.ts';

/**
 * Ages of recordings of this process by the monotonic clock. A box that starts with a wrong clock names its first
 * recordings for last week: they must not be deleted once the clock is set.
 */
export class SegmentAges implements SegmentLog {
  readonly #log: SegmentLog;
  readonly #clock: Pick<Clock, 'monoMs'>;
  /** Monotonic start times by file, oldest first. */
  readonly #startedMs = new Map<string, number>();

  constructor(log: SegmentLog, clock: Pick<Clock, 'monoMs'>) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Since the start of the file; undefined for files of earlier runs or beyond the limit. */
  ageMs(file: string): number | undefined {
    const startedMs = this.#startedMs.get(file);
    return startedMs === undefined ? undefined : this.#clock.monoMs() - startedMs;
  }

  opened(segment: Segment): void {
    // Far more than are recorded before a box's clock is set.
    putBounded(this.#startedMs, segment.file, this.#clock.monoMs(), 10_000);
    this.#log.opened(segment);
  }

  finished(segment: FinishedSegment): void {
    this.#log.finished(segment);
  }

  removed(file: string): void {
    this.#startedMs.delete(file);
    this.#log.removed(file);
  }
}
