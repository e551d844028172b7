import type { SegmentLine } from '../contracts/hls-muxer.ts';

/**
 * Not 0: of the parts of a segment with that number hls.js 1.7 forgets that it has them whenever one is in its buffer, and gets them again.
 * Appended behind later ones they count as a jump back, after which a browser drops all pictures up to the next key picture.
 */
export const FIRST_SEGMENT_NUMBER = 1;

/** A segment, as it stands in playlists. */
export interface KeptSegment {
  readonly sizeBytes: number;
  /** With its parts. */
  readonly line: SegmentLine;
  /** The same, older: its parts are no longer listed. */
  readonly bareLine: SegmentLine;
}

/** What has left the playlist may take so much memory; beyond that the oldest goes before its time, but never what left last. */
const MAX_LEFT_BYTES = 16 << 20;
/** Whole segments that are offered in parts too, at least: players come to the end of the list by them. */
const PARTED_SEGMENTS = 2;
/**
 * And more of them up to so many target durations and parts: hls.js takes parts only while what it has reaches further beyond the first
 * one than the running segment is long. RFC 8216bis §6.2.2 allows three target durations, the running segment included.
 */
const PARTED_TARGETS = 2;
const MAX_PARTS = 60;
/** A list may not become shorter than this many target durations by what leaves it (RFC 8216bis §6.2.2). */
const MIN_TARGETS = 3;
/** So far back is looked for a segment that players can begin with. */
const MAX_SEARCH_S = 30;

/**
 * The whole segments of a rendition that are kept, and which of them the playlist shows. What has left it is fetched by players that took
 * the playlist a while ago: it stays for its own length and that of the longest playlist it stood in (RFC 8216bis §6.2.2), by the
 * time of the media that have come since.
 */
export class SegmentList<S extends KeptSegment> {
  readonly #listedCount: number;
  #segments: S[] = [];
  /** Of the first that is listed. */
  #start = 0;
  /** Of all segments that there were. */
  #mediaS = 0;
  /** Until when those before `#start` are kept, by `#mediaS`. */
  readonly #keptUntilS: number[] = [];
  /** Of all that there were: one long group makes it longer than it needs to be, which costs bounded memory only. */
  #longestListS = 0;
  #removedDiscontinuities = 0;
  #peakBitRate = 0;
  #targetDurationS = 1;
  /** Number of the first segment whose parts are listed. */
  #firstPartedNumber = 0;

  /** @param listedCount at least this many are listed, when there are */
  constructor(listedCount: number) {
    this.#listedCount = listedCount;
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
      const isFar = seconds > PARTED_TARGETS * this.#targetDurationS || parts > MAX_PARTS;
      // What has gone does not come back when the target rises.
      const hasGone = line.number < this.#firstPartedNumber;
      if (hasGone || (isFar && this.#segments.length - first >= PARTED_SEGMENTS)) {
        break;
      }
      first -= 1;
    }
    return first;
  }

  /** Discontinuities up to the first listed segment, its own included: the playlist no longer lists it (RFC 8216bis §6.2.2). */
  get discontinuitySequence(): number {
    let count = this.#removedDiscontinuities;
    for (let i = 0; i <= this.#start && i < this.#segments.length; i += 1) {
      count += this.#segments[i]?.line.isDiscontinuity ? 1 : 0;
    }
    return count;
  }

  /** @returns what is not kept any more; its holds go over to the caller */
  append(segment: S, targetDurationS: number): S[] {
    this.#segments.push(segment);
    this.#mediaS += segment.line.durationS;
    this.#targetDurationS = targetDurationS;
    this.#leave(this.#newStart(targetDurationS));
    this.#notePeak(targetDurationS);
    const removed = this.#segments.splice(0, this.#expired());
    this.#keptUntilS.splice(0, removed.length);
    this.#start -= removed.length;
    for (const { line } of removed) {
      this.#removedDiscontinuities += line.isDiscontinuity ? 1 : 0;
    }
    return removed;
  }

  /** @returns all that was kept */
  clear(): S[] {
    this.#start = 0;
    this.#keptUntilS.length = 0;
    return this.#segments.splice(0);
  }

  isInUse(init: { readonly name: string }): boolean {
    return this.#segments.some(({ bareLine }) => bareLine.init?.name === init.name);
  }

  /** Also one that is not listed any more. */
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

  /** What is listed begins where players can begin, if that is not too far back; and nothing that has left comes back. */
  #newStart(targetDurationS: number): number {
    let start = this.#segments.length;
    let seconds = 0;
    const leastS = MIN_TARGETS * targetDurationS;
    while (start > this.#start && (this.#segments.length - start < this.#listedCount || seconds < leastS)) {
      start -= 1;
      seconds += this.#lineAt(start).durationS;
    }
    let whole = start;
    for (let searchedS = 0; whole > this.#start && !this.#lineAt(whole).isIndependent; ) {
      whole -= 1;
      searchedS += this.#lineAt(whole).durationS;
      if (searchedS > MAX_SEARCH_S) {
        return start;
      }
    }
    return this.#lineAt(whole).isIndependent ? whole : start;
  }

  /** The list begins later; with the parts of the segment that has come now it was as long as it is here. */
  #leave(start: number): void {
    let listedS = 0;
    for (let i = this.#start; i < this.#segments.length; i += 1) {
      listedS += this.#lineAt(i).durationS;
    }
    this.#longestListS = Math.max(this.#longestListS, listedS);
    for (let i = this.#start; i < start; i += 1) {
      this.#keptUntilS.push(this.#mediaS + this.#lineAt(i).durationS + this.#longestListS);
    }
    this.#start = start;
  }

  /** How many need not be kept any more. */
  #expired(): number {
    let bytes = 0;
    for (let i = 0; i < this.#start; i += 1) {
      bytes += (this.#segments[i] as S).sizeBytes;
    }
    let count = 0;
    while (count < this.#start) {
      const isOver = (this.#keptUntilS[count] as number) <= this.#mediaS;
      if (!isOver && (bytes <= MAX_LEFT_BYTES || count === this.#start - 1)) {
        break;
      }
      bytes -= (this.#segments[count] as S).sizeBytes;
      count += 1;
    }
    return count;
  }

  /** Peak as RFC 8216bis §4.1 has it: over neighbouring segments that are half a target duration long or more. */
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
