import type { SegmentRow } from './segment-row.ts';

/*
 * Interfaces of the recording index: `Playback.events` and `Playback.space`. The index is a cache: events and protected
 * ranges are stored in journals, which are replayed when the index was reset (`Journal`).
 */

/** An event of a camera or disk. Times are Unix microseconds. */
export interface IndexedEvent {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  readonly startUs: number;
  /** undefined: ongoing. */
  readonly endUs: number | undefined;
  readonly text: string;
}

/** Position in a list of events; the next page starts behind it. */
export type EventMark = Pick<IndexedEvent, 'path' | 'id' | 'startUs'>;

/** Selects events that start between two times. */
export interface EventQuery {
  readonly fromUs: number;
  readonly toUs: number;
  /** undefined: any. */
  readonly types?: readonly string[] | undefined;
  /** Continues behind this event, newest first; undefined: from the newest. */
  readonly after?: EventMark | undefined;
  /** Omits shorter events, but not ongoing ones. */
  readonly minUs?: number;
  /** Per type if types are given. */
  readonly limit: number;
}

/** Recordings that are never deleted. Times are Unix microseconds. */
export interface ProtectedRange {
  readonly id: string;
  readonly path: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly note: string;
}

export interface EventIndex {
  /** Replaces an event with the same id, such as an ongoing one. */
  addEvent(event: IndexedEvent): void;
  /** Events overlapping the two times, oldest first, at most `limit`. */
  eventsOf(path: string, fromUs: number, toUs: number, limit: number): IndexedEvent[];
  /** Removes events of a path that ended earlier. */
  removeEventsBefore(path: string, us: number): void;
}

export interface ProtectedIndex {
  /** Replaces all ranges. */
  setProtected(ranges: readonly ProtectedRange[]): void;
  /** Ranges overlapping the two times, oldest first, at most `limit`. */
  protectedOf(path: string, fromUs: number, toUs: number, limit: number): ProtectedRange[];
}

export interface PathBytes {
  readonly files: number;
  readonly bytes: number;
  /** Of files written by Perch. */
  readonly ownBytes: number;
}

/** Times are Unix microseconds. */
export interface PathSpan {
  /** Start of the oldest recording; undefined: none. */
  readonly firstUs: number | undefined;
  /** Recorded since the requested time, and for how long: until now, or until the start of the growing file. */
  readonly recentBytes: number;
  readonly recentUs: number;
}

export interface HeldFolder {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  /** End of the latest file, Unix microseconds. */
  readonly endUs: number;
}

export interface SpaceIndex {
  /**
   * Finished recordings of all paths below a folder written by Perch, oldest first, at most `limit`.
   * @param after the last row of the previous page
   */
  oldestOwn(folder: string, limit: number, after?: SegmentRow): SegmentRow[];
  /** The same for one path in any folder. */
  oldestOwnOf(path: string, limit: number, after?: SegmentRow): SegmentRow[];
  /** All recordings of a path in any state, oldest first, at most `limit`. */
  allOf(path: string, limit: number, after?: SegmentRow): SegmentRow[];
  /** A growing file counts with its size at the last check. */
  bytesOf(path: string): PathBytes;
  /** @param sinceUs start of the recent period, or the first recording if later */
  spanOf(path: string, sinceUs: number, nowUs: number): PathSpan;
  /** Folders outside of these. */
  heldOutside(tops: readonly string[]): HeldFolder[];
  /** End of the latest recording that started before a time, Unix microseconds; undefined: none. */
  lastEndUs(beforeUs: number): number | undefined;
}

/** Stores events or protected ranges and replays them when the index was reset. */
export interface Journal {
  /** @param sinceMs Unix milliseconds: earlier entries are known; undefined: all */
  replay(index: EventIndex & ProtectedIndex, sinceMs?: number): Promise<void> | void;
}
