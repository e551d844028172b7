import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';

/** Interval of events about deletions: a full disk loses recordings every few minutes. */
const EVENT_EVERY_MS = 3_600_000;

/** Too old, disk full, path too large, or deleted by a user. */
export type DeletionReason = 'age' | 'space' | 'size' | 'hand';

interface Lot {
  readonly path: string;
  readonly because: DeletionReason;
  files: number;
  diskBytes: number;
  fromUs: number;
  toUs: number;
}

interface DeletionTraceDeps {
  readonly clock: Pick<Clock, 'monoMs'>;
  readonly logger: Pick<Logger, 'info'>;
  /** Creates an event of the box. An event of the path could start a recording. */
  readonly tell?: ((text: string) => void) | undefined;
}

/** Reports automatic deletions: a log line per sweep and path, and an event per hour. */
export class DeletionTrace {
  readonly #deps: DeletionTraceDeps;
  readonly #sweep = new Map<string, Lot>();
  readonly #hour = new Map<string, Lot>();
  #reportedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: DeletionTraceDeps) {
    this.#deps = deps;
  }

  /** Times are Unix microseconds. */
  deleted(path: string, because: DeletionReason, fromUs: number, toUs: number, diskBytes: number): void {
    addTo(this.#sweep, { path, because, files: 1, diskBytes, fromUs, toUs });
  }

  endSweep(): void {
    const { clock, logger, tell } = this.#deps;
    for (const lot of this.#sweep.values()) {
      const { path, files, diskBytes, because } = lot;
      const [from, to] = [timeText(lot.fromUs), timeText(lot.toUs)];
      logger.info({ path, files, diskBytes, from, to, because }, 'deleted recordings');
      if (tell) {
        addTo(this.#hour, { ...lot });
      }
    }
    this.#sweep.clear();
    const nowMs = clock.monoMs();
    if (this.#hour.size > 0 && nowMs - this.#reportedMs >= EVENT_EVERY_MS) {
      this.#reportedMs = nowMs;
      tell?.(summaryOf([...this.#hour.values()]));
      this.#hour.clear();
    }
  }
}

function addTo(lots: Map<string, Lot>, more: Lot): void {
  const key = `${more.because} ${more.path}`;
  const lot = lots.get(key);
  if (!lot) {
    lots.set(key, more);
    return;
  }
  lot.files += more.files;
  lot.diskBytes += more.diskBytes;
  lot.fromUs = Math.min(lot.fromUs, more.fromUs);
  lot.toUs = Math.max(lot.toUs, more.toUs);
}

/** Largest losses first; the rest is a number. */
function summaryOf(lots: readonly Lot[]): string {
  const files = lots.reduce((sum, lot) => sum + lot.files, 0);
  let text = files === 1 ? 'deleted 1 recording:' : `deleted ${files} recordings:`;
  const sorted = [...lots].sort((a, b) => b.files - a.files);
  for (const [i, lot] of sorted.entries()) {
    const piece = ` ${lot.path}: ${lot.files} by ${lot.because}, ${timeText(lot.fromUs)} to ${timeText(lot.toUs)};`;
    const rest = ` and ${sorted.length - i} more`;
    if (text.length + piece.length + rest.length > 500) {
      return text + rest;
    }
    text += piece;
  }
  return text.slice(0, -1);
}

/** An invalid time comes from a damaged index. */
function timeText(us: number): string {
  const date = new Date(us / 1000);
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString();
}
