import type { Clock } from '../../base/clock.ts';
import type { FinishedSegment, Segment, SegmentLog } from '../file/segment-log.ts';

/** Far more than are recorded until a machine without a clock of its own has been told the time. */
const MAX_FILES = 10_000;

/**
 * The true age of what this process has recorded, by the monotonic clock. A machine that starts with a wrong clock gives its first
 * recordings names of last week: they must not be deleted for that as soon as the clock is set. Passes on all that it is told.
 */
export class SegmentAges implements SegmentLog {
  readonly #log: SegmentLog;
  readonly #clock: Pick<Clock, 'monoMs'>;
  /** By file, the oldest first. */
  readonly #begunMs = new Map<string, number>();

  constructor(log: SegmentLog, clock: Pick<Clock, 'monoMs'>) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Since the file was begun; undefined when that was in another life, or too many files ago. */
  ageMs(file: string): number | undefined {
    const begunMs = this.#begunMs.get(file);
    return begunMs === undefined ? undefined : this.#clock.monoMs() - begunMs;
  }

  opened(segment: Segment): void {
    this.#begunMs.set(segment.file, this.#clock.monoMs());
    const oldest = this.#begunMs.keys().next().value;
    if (this.#begunMs.size > MAX_FILES && oldest !== undefined) {
      this.#begunMs.delete(oldest);
    }
    this.#log.opened(segment);
  }

  finished(segment: FinishedSegment): void {
    this.#log.finished(segment);
  }

  removed(file: string): void {
    this.#begunMs.delete(file);
    this.#log.removed(file);
  }
}
