import type { Sample } from '../../../media/sample/sample.ts';
import type { Rendition } from './rendition.ts';

/** A segment boundary of the leading rendition. */
interface Boundary {
  /** Presentation time, in ticks of the following rendition. */
  readonly pts: number;
  /** Duration of the segment that ends here. */
  readonly spanS: number;
  readonly isDiscontinuous: boolean;
  /** The next segment starts later, see `resume`. */
  readonly isBreak: boolean;
  readonly targetDurationS: number;
}

/** Boundaries waiting for samples; beyond that the oldest segment is closed. */
const MAX_WAITING = 8;
/** A track without samples for this long, while the leading one continues, is not waited for. */
const SILENCE_S = 0.75;
/** In usual sample durations: a longer sample is a silence, which does not extend its segment. */
const LONG_SAMPLES = 2;

/** Cuts a rendition at the leading one's boundaries, as soon as its samples reach them. */
export class FollowingRendition {
  readonly rendition: Rendition;
  discarded = 0;
  /** Oldest first. */
  readonly #waiting: Boundary[] = [];
  /** Samples before it are dropped. */
  #fromPts = Number.POSITIVE_INFINITY;
  /** Start of the leading rendition, first or after a break. */
  #resumePts = Number.POSITIVE_INFINITY;
  /** First start of the leading rendition: earlier samples do not count as dropped. */
  #beginPts = Number.POSITIVE_INFINITY;
  /** Progress of the leading rendition: no segment ends before it. */
  #frontierPts = 0;
  /** Progress of the leading rendition at the last sample. */
  #heardPts = 0;

  constructor(rendition: Rendition) {
    this.rendition = rendition;
  }

  /** The leading rendition starts, first or after a break. */
  resume(pts: number): void {
    this.#beginPts = Math.min(this.#beginPts, pts);
    this.#resumePts = pts;
    if (this.#waiting.length === 0) {
      this.#fromPts = pts;
    }
    this.#heardPts = Math.max(this.#heardPts, pts);
    this.#frontierPts = pts;
  }

  take(sample: Sample): void {
    this.#heardPts = Math.max(this.#heardPts, this.#frontierPts);
    this.#passed(sample.pts, sample.dts);
    if (sample.pts < this.#fromPts || this.rendition.awaitsSegment || !this.rendition.pending.append(sample)) {
      this.discarded += sample.pts >= this.#beginPts ? 1 : 0;
      return;
    }
    this.rendition.closeParts(this.#frontierPts);
  }

  reach(boundary: Boundary): void {
    const { clockRate } = this.rendition.track;
    const isSilent = boundary.pts - this.#heardPts > SILENCE_S * clockRate;
    while (this.#waiting.length > 0 && (isSilent || this.#waiting.length === MAX_WAITING)) {
      this.#close(undefined);
    }
    if (boundary.isBreak) {
      this.#resumePts = Number.POSITIVE_INFINITY;
    }
    this.#waiting.push(boundary);
    this.#passed(this.rendition.pending.last?.pts ?? 0, undefined);
  }

  advance(pts: number): void {
    this.#frontierPts = pts;
    this.rendition.closeParts(pts);
  }

  /** @param nextDts decode time of the next sample, if it is not pending */
  #passed(pts: number, nextDts: number | undefined): void {
    for (let next = this.#waiting[0]; next && pts >= next.pts; next = this.#waiting[0]) {
      this.#close(nextDts);
    }
  }

  #close(nextDts: number | undefined): void {
    const boundary = this.#waiting.shift() as Boundary;
    const { pending, awaitsSegment } = this.rendition;
    const count = pending.countBefore(boundary.pts);
    const end = pending.at(count)?.dts ?? (awaitsSegment ? undefined : nextDts);
    const { spanS, isDiscontinuous, targetDurationS } = boundary;
    const endDts = end === undefined ? undefined : this.#endBy(end, boundary.pts, pending.at(count - 1));
    this.rendition.closeSegment({ count, endDts, spanS, nextIsDiscontinuous: isDiscontinuous, targetDurationS });
    this.#fromPts = boundary.isBreak ? Math.max(boundary.pts, this.#resumePts) : boundary.pts;
    if (boundary.isBreak) {
      this.discarded += pending.countBefore(this.#fromPts);
      pending.drop(pending.countBefore(this.#fromPts));
    }
  }

  /** Silence after the last sample does not make the segment longer than the leading one. */
  #endBy(nextDts: number, boundaryPts: number, last: Sample | undefined): number {
    const usual = this.rendition.pending.usualTicks;
    if (!last || usual === 0 || nextDts - boundaryPts <= LONG_SAMPLES * usual) {
      return nextDts;
    }
    return Math.max(Math.round(boundaryPts), last.dts + usual);
  }
}
