import type { Sample } from '../../../media/sample/sample.ts';
import type { Rendition } from './rendition.ts';

/** Where a segment of the leading rendition ended. */
interface Boundary {
  /** Presentation time, in ticks of the rendition that follows. */
  readonly pts: number;
  /** Length of the segment that ends here. */
  readonly spanS: number;
  /** What follows does not continue it. */
  readonly isDiscontinuous: boolean;
  /** What follows begins later: see `resume`. */
  readonly isBreak: boolean;
  readonly targetDurationS: number;
}

/** Samples that are later than so many segments are not waited for. */
const MAX_WAITING = 8;
/** Nor is a track of which nothing has come for so long, while the leading one went on. */
const SILENCE_S = 0.75;
/** A sample that is longer than this many usual ones is a silence: the segment does not grow by it. */
const LONG_SAMPLES = 2;

/** Cuts a rendition at the times of the leading one, as soon as its own samples get there. */
export class FollowingRendition {
  readonly rendition: Rendition;
  /** Samples that were left out. */
  discarded = 0;
  /** Oldest first. */
  readonly #waiting: Boundary[] = [];
  /** Samples before it come too late, or too early. */
  #fromPts = Number.POSITIVE_INFINITY;
  /** Where the leading rendition began, or began anew behind a break. */
  #resumePts = Number.POSITIVE_INFINITY;
  /** Where the leading rendition began first: nothing is missing before. */
  #beginPts = Number.POSITIVE_INFINITY;
  /** How far the leading rendition has got; no segment will end before. */
  #frontierPts = 0;
  /** Where it was when the last sample came. */
  #heardPts = 0;

  constructor(rendition: Rendition) {
    this.rendition = rendition;
  }

  /** The leading rendition begins, for the first time or anew. */
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

  /** The leading rendition has ended a segment. */
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

  /** The leading rendition has got so far. */
  advance(pts: number): void {
    this.#frontierPts = pts;
    this.rendition.closeParts(pts);
  }

  /** @param nextDts of the sample that comes next, if it is not pending */
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

  /** Silence behind the last sample does not make the segment longer than the leading one. */
  #endBy(nextDts: number, boundaryPts: number, last: Sample | undefined): number {
    const usual = this.rendition.pending.usualTicks;
    if (!last || usual === 0 || nextDts - boundaryPts <= LONG_SAMPLES * usual) {
      return nextDts;
    }
    return Math.max(Math.round(boundaryPts), last.dts + usual);
  }
}
