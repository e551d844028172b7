import type { SegmentRow } from './segment-row.ts';

/*
 * What others ask of the index of recordings: `Playback.events` and `Playback.space`. It is a cache: events and protected ranges have
 * their truth in journals of their own, which are read again when the index has begun anew (`Journal`).
 */

/** Something that happened in front of a camera, or to a disk. Times are Unix microseconds. */
export interface IndexedEvent {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly startUs: number;
  /** Undefined while it lasts. */
  readonly endUs: number | undefined;
  readonly text: string;
}

/** Where a list of events goes on: behind this one. */
export type EventMark = Pick<IndexedEvent, 'path' | 'id' | 'startUs'>;

/** Events that begin between two times. */
export interface EventQuery {
  readonly fromUs: number;
  readonly toUs: number;
  /** Undefined: of any. */
  readonly types?: readonly string[] | undefined;
  /** Those that come behind it, newest first; undefined: from the newest on. */
  readonly after?: EventMark | undefined;
  /** Shorter ones are left out; what has no end yet is long enough. */
  readonly minUs?: number;
  /** Where types are named: of each of them. */
  readonly limit: number;
}

/** Recordings that nothing deletes. Times are Unix microseconds. */
export interface ProtectedRange {
  readonly id: string;
  readonly path: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly note: string;
}

export interface EventIndex {
  /** One with the same id takes its place: so an event that has ended is told again. */
  addEvent(event: IndexedEvent): void;
  /** What overlaps the two times, the oldest first, at most `limit`. */
  eventsOf(path: string, fromUs: number, toUs: number, limit: number): IndexedEvent[];
  /** Forgets events of a path that ended before. */
  removeEventsBefore(path: string, us: number): void;
}

export interface ProtectedIndex {
  /** All there are: takes the place of what was known. */
  setProtected(ranges: readonly ProtectedRange[]): void;
  /** What overlaps the two times, the oldest first, at most `limit`. */
  protectedOf(path: string, fromUs: number, toUs: number, limit: number): ProtectedRange[];
}

export interface PathBytes {
  readonly files: number;
  readonly bytes: number;
  /** Of files that Perch wrote itself. */
  readonly ownBytes: number;
}

/** Times are Unix microseconds. */
export interface PathSpan {
  /** The begin of the oldest recording; undefined: there is none. */
  readonly firstUs: number | undefined;
  /** What was begun and finished since the time asked for, and how long that was: until now, or until what is being written began. */
  readonly recentBytes: number;
  readonly recentUs: number;
}

/** What a folder holds. */
export interface HeldFolder {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  /** When the last of them ends, Unix microseconds. */
  readonly endUs: number;
}

export interface SpaceIndex {
  /**
   * Finished recordings below a folder that Perch wrote itself, of all paths, the oldest first, at most `limit`.
   * @param after the last row of the answer before: what comes behind it
   */
  oldestOwn(folder: string, limit: number, after?: SegmentRow): SegmentRow[];
  /** The same of one path, wherever its files are. */
  oldestOwnOf(path: string, limit: number, after?: SegmentRow): SegmentRow[];
  /** All of a path, in whatever state, the oldest first, at most `limit`. */
  allOf(path: string, limit: number, after?: SegmentRow): SegmentRow[];
  /** A file that is being written counts with what it had when it was last looked at. */
  bytesOf(path: string): PathBytes;
  /** @param sinceUs from then on, or from the first recording if that is later, counts as recent */
  spanOf(path: string, sinceUs: number, nowUs: number): PathSpan;
  /** What lies outside of these folders, folder by folder. */
  heldOutside(tops: readonly string[]): HeldFolder[];
  /** When the last of all recordings that began before a time ended, Unix microseconds; undefined: there is none. */
  lastEndUs(beforeUs: number): number | undefined;
}

/** The truth of events or protected ranges: told everything anew when the index has lost it. */
export interface Journal {
  /** @param sinceMs Unix milliseconds: what was written before is known, and need not be told again; undefined: all */
  replay(index: EventIndex & ProtectedIndex, sinceMs?: number): Promise<void> | void;
}
