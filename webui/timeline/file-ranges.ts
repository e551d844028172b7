import type { Span } from '../api-client/recordings.ts';

/** A part of one span that is played as one file. */
export interface FileRange {
  /** RFC 3339, as exact as the device wrote it when the span begins here. */
  readonly start: string;
  /** Unix milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Long enough to seek in; short enough that its index comes at once, on a phone too. */
export const MAX_RANGE_MS = 10 * 60_000;

/** A rest so short has no picture in it. */
const REST_MS = 200;
/** Less than this is not worth a file of its own. */
const MIN_MS = 1000;

/** Steps back from a moment stay within its piece, so that they cost a seek and not a new file. */
const LEAD_MS = 30_000;
const GRID_MS = 5 * 60_000;

/**
 * What to play for a moment: from a little before it, within its span, at most ten minutes. In a gap it is the next that
 * is recorded, after all of it the last. Undefined when there is nothing at all.
 */
export function fileRangeAt(spans: readonly Span[], atMs: number): FileRange | undefined {
  const span = spans.find(({ endMs }) => endMs - REST_MS > atMs) ?? spans.at(-1);
  return span && fileRangeFrom(span, Math.floor((atMs - LEAD_MS) / GRID_MS) * GRID_MS);
}

function fileRangeFrom(span: Span, wantedMs: number): FileRange {
  const latestMs = Math.max(span.startMs, span.endMs - MIN_MS);
  const startMs = Math.min(Math.max(wantedMs, span.startMs), latestMs);
  return {
    start: startMs === span.startMs ? span.start : new Date(startMs).toISOString(),
    startMs,
    endMs: Math.min(span.endMs, startMs + MAX_RANGE_MS),
  };
}

/** What follows when a piece has been played to its end; gaps are jumped over. */
export function nextFileRange(spans: readonly Span[], range: FileRange): FileRange | undefined {
  const span = spans.find(({ endMs }) => endMs - REST_MS > range.endMs);
  return span && fileRangeFrom(span, range.endMs);
}

/**
 * The moment so many seconds before the newest that is recorded. The device's clock counts, not the browser's. In a gap it
 * is where the next recording begins: who opens the page sees a picture.
 */
export function momentAgo(spans: readonly Span[], agoS: number): number | undefined {
  const newest = spans.at(-1);
  if (!newest) {
    return undefined;
  }
  const ms = newest.endMs - agoS * 1000;
  const span = spans.find(({ endMs }) => endMs > ms) ?? newest;
  // The first picture comes within that millisecond.
  return ms < span.startMs ? span.startMs + 1 : ms;
}

/** Who is so near to what is newest looks at that. */
const AT_NEWEST_MS = 2 * 60_000;

/** The moment at which another camera is shown. @param spans of the one before. Undefined: its newest, as it was before */
export function momentToKeep(spans: readonly Span[], atMs: number | undefined): number | undefined {
  const newestMs = spans.at(-1)?.endMs ?? Number.POSITIVE_INFINITY;
  return atMs !== undefined && newestMs - atMs > AT_NEWEST_MS ? atMs : undefined;
}
