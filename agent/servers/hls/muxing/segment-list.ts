import type { SegmentLine } from '../contracts/hls-muxer.ts';

/**
 * Not 0: hls.js 1.7 forgets the parts of a segment with that number whenever one is in its buffer, and loads them
 * again. Appended after later ones they count as a jump back, after which a browser drops all frames until the next key
 * frame.
 */
export const FIRST_SEGMENT_NUMBER = 1;

/** A kept segment. */
export interface KeptSegment {
  readonly sizeBytes: number;
  /** The segment's playlist line with its parts. */
  readonly line: SegmentLine;
  /** The same without its parts, which are no longer listed. */
  readonly bareLine: SegmentLine;
}

/**
 * Memory limit for segments that have left the playlist: beyond it the oldest is dropped early, but never the latest.
 */
const MAX_LEFT_BYTES = 16 << 20;
/** Whole segments also offered in parts, at least: players reach the end of the list by them. */
const PARTED_SEGMENTS = 2;
/**
 * Limits for more of them: hls.js loads parts only while its buffer reaches further beyond the first one than the
 * current segment is long. RFC 8216bis §6.2.2 allows three target durations, including the current segment.
 */
const PARTED_TARGETS = 2;
/** Durations of equal segments differ by some ticks: without it one more than needed would be kept. */
const TOLERANCE_S = 0.005;

/**
 * The segments of a rendition and which of them the playlist lists. Players with an older playlist still fetch removed
 * ones: they are kept for their own duration plus that of the longest playlist that listed them (RFC 8216bis §6.2.2),
 * in media time.
 */
export class SegmentList<S extends KeptSegment> {
  readonly #listedCount: number;
  #segments: S[] = [];
  /** Index of the first listed segment. */
  #start = 0;
  /** Total duration so far. */
  #mediaS = 0;
  /** Until when segments before `#start` are kept, on the scale of `#mediaS`. */
  readonly #keptUntilS: number[] = [];
  /** Duration of the list since each kept segment was added, by segment. */
  readonly #listS: number[] = [];
  #removedDiscontinuities: number;
  #peakBitRate = 0;
  #targetDurationS = 1;
  /** Number of the first segment listed with parts. */
  #firstPartedNumber = 0;

  /** @param listedCount minimum, once available @param discontinuities in the path's former playlists */
  constructor(listedCount: number, discontinuities = 0) {
    this.#listedCount = listedCount;
    this.#removedDiscontinuities = discontinuities;
  }

  /** Discontinuities of all segments so far. */
  get discontinuities(): number {
    let count = this.#removedDiscontinuities;
    for (const { line } of this.#segments) {
      count += line.isDiscontinuity ? 1 : 0;
    }
    return count;
  }

  get last(): S | undefined {
    return this.#segments.at(-1);
  }

  /** Oldest first. */
  listed(): SegmentLine[] {
    const firstParted = this.#firstParted();
    this.#firstPartedNumber = this.#segments[firstParted]?.line.number ?? this.#firstPartedNumber;
    const lines: SegmentLine[] = [];
    for (let i = this.#start; i < this.#segments.length; i += 1) {
      const segment = this.#segments[i] as S;
      lines.push(i >= firstParted ? segment.line : segment.bareLine);
    }
    return lines;
  }

  #firstParted(): number {
    let first = this.#segments.length;
    let [seconds, parts] = [0, 0];
    while (first > this.#start) {
      const { line } = this.#segments[first - 1] as S;
      seconds += line.durationS;
      parts += line.parts.length;
      const isFar = seconds > PARTED_TARGETS * this.#targetDurationS || parts > 60;
      // Parts are not listed again when the target rises.
      const hasGone = line.number < this.#firstPartedNumber;
      if (hasGone || (isFar && this.#segments.length - first >= PARTED_SEGMENTS)) {
        break;
      }
      first -= 1;
    }
    return first;
  }

  /** Discontinuities up to and including the first listed segment, whose own tag is omitted (RFC 8216bis §6.2.2). */
  get discontinuitySequence(): number {
    let count = this.#removedDiscontinuities;
    for (let i = 0; i <= this.#start && i < this.#segments.length; i += 1) {
      count += this.#segments[i]?.line.isDiscontinuity ? 1 : 0;
    }
    return count;
  }

  /** @returns dropped segments; their holds pass to the caller */
  append(segment: S, targetDurationS: number): S[] {
    this.#segments.push(segment);
    this.#mediaS += segment.line.durationS;
    this.#targetDurationS = targetDurationS;
    this.#leave(this.#newStart(targetDurationS));
    this.#notePeak(targetDurationS);
    const removed = this.#segments.splice(0, this.#expired());
    this.#keptUntilS.splice(0, removed.length);
    this.#listS.splice(0, removed.length);
    this.#start -= removed.length;
    for (const { line } of removed) {
      this.#removedDiscontinuities += line.isDiscontinuity ? 1 : 0;
    }
    return removed;
  }

  /** @returns all segments */
  clear(): S[] {
    this.#removedDiscontinuities = this.discontinuities;
    this.#start = 0;
    this.#keptUntilS.length = 0;
    this.#listS.length = 0;
    return this.#segments.splice(0);
  }

  isInUse(init: { readonly name: string }): boolean {
    return this.#segments.some(({ bareLine }) => bareLine.init?.name === init.name);
  }

  /** Finds a segment, including those that are no longer listed. */
  find(name: string): S | undefined {
    return this.#segments.find(({ bareLine }) => bareLine.name === name);
  }

  bitRate(): { peak: number; average: number } {
    let [bytes, seconds] = [0, 0];
    for (const { sizeBytes, line } of this.#segments) {
      bytes += sizeBytes;
      seconds += line.isGap ? 0 : line.durationS;
    }
    const average = seconds > 0 ? Math.ceil((bytes * 8) / seconds) : 0;
    return { peak: Math.max(average, this.#peakBitRate), average };
  }

  /** The list starts where players can start, if that is not too far back; removed segments never return. */
  #newStart(targetDurationS: number): number {
    let start = this.#segments.length;
    let seconds = 0;
    // The least length after a removal, RFC 8216bis §6.2.2.
    const minS = 3 * targetDurationS;
    while (start > this.#start && (this.#segments.length - start < this.#listedCount || seconds < minS)) {
      start -= 1;
      seconds += this.#lineAt(start).durationS;
    }
    let whole = start;
    for (let searchedS = 0; whole > this.#start && !this.#lineAt(whole).isIndependent; ) {
      whole -= 1;
      searchedS += this.#lineAt(whole).durationS;
      // How far back to search for a segment that players can start with.
      if (searchedS > 30) {
        return start;
      }
    }
    return this.#lineAt(whole).isIndependent ? whole : start;
  }

  /** Removes segments from the list. They were in the lists before this one, whose duration is that of whole segments (RFC 8216bis §2). */
  #leave(start: number): void {
    for (let i = this.#start; i < start; i += 1) {
      const longestListS = Math.max(...this.#listS.slice(i));
      this.#keptUntilS.push(this.#mediaS + this.#lineAt(i).durationS + longestListS);
    }
    this.#start = start;
    let listedS = 0;
    for (let i = start; i < this.#segments.length; i += 1) {
      listedS += this.#lineAt(i).durationS;
    }
    this.#listS.push(listedS);
  }

  /** The number of expired segments. */
  #expired(): number {
    let bytes = 0;
    for (let i = 0; i < this.#start; i += 1) {
      bytes += (this.#segments[i] as S).sizeBytes;
    }
    let count = 0;
    while (count < this.#start) {
      const isOver = (this.#keptUntilS[count] as number) <= this.#mediaS + TOLERANCE_S;
      if (!isOver && (bytes <= MAX_LEFT_BYTES || count === this.#start - 1)) {
        break;
      }
      bytes -= (this.#segments[count] as S).sizeBytes;
      count += 1;
    }
    return count;
  }

  /** Peak bit rate, RFC 8216bis §4.1: over adjacent segments of at least half a target duration. */
  #notePeak(targetDurationS: number): void {
    let [bytes, seconds] = [0, 0];
    for (let i = this.#segments.length - 1; i >= 0; i -= 1) {
      const { sizeBytes, line } = this.#segments[i] as S;
      bytes += sizeBytes;
      seconds += line.durationS;
      if (line.isGap || seconds > 1.5 * targetDurationS) {
        return;
      }
      if (seconds >= 0.5 * targetDurationS) {
        this.#peakBitRate = Math.max(this.#peakBitRate, Math.ceil((bytes * 8) / seconds));
      }
    }
  }

  #lineAt(index: number): SegmentLine {
    return (this.#segments[index] as S).bareLine;
  }
}
