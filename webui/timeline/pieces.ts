import type { Span } from '../box/recordings.ts';

/** A part of one span that is played as one file. */
export interface Piece {
  /** RFC 3339, as exact as the box wrote it when the span begins here. */
  readonly start: string;
  /** Unix milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Long enough to seek in; short enough that its index comes at once, on a phone too. */
export const PIECE_LIMIT_MS = 10 * 60_000;

/** A rest so short has no picture in it. */
const REST_MS = 200;
/** Less than this is not worth a file of its own. */
const LEAST_MS = 1000;
const TAIL_MS = 10_000;

/**
 * What to play for a moment: from there to the end of its span, at most ten minutes. In a gap it is the next that is
 * recorded, after all of it the last ten seconds. Undefined when there is nothing at all.
 */
export function pieceAt(spans: readonly Span[], atMs: number): Piece | undefined {
  const next = spans.find(({ endMs }) => endMs - REST_MS > atMs);
  const span = next ?? spans.at(-1);
  if (!span) {
    return undefined;
  }
  const latestMs = Math.max(span.startMs, span.endMs - (next ? LEAST_MS : TAIL_MS));
  const startMs = Math.min(Math.max(atMs, span.startMs), latestMs);
  return {
    start: startMs === span.startMs ? span.start : new Date(startMs).toISOString(),
    startMs,
    endMs: Math.min(span.endMs, startMs + PIECE_LIMIT_MS),
  };
}

/** What follows when a piece has been played to its end; gaps are jumped over. */
export function pieceAfter(spans: readonly Span[], piece: Piece): Piece | undefined {
  const hasMore = spans.some(({ endMs }) => endMs - REST_MS > piece.endMs);
  return hasMore ? pieceAt(spans, piece.endMs) : undefined;
}

/** The moment so many seconds before the newest that is recorded. The box's clock counts, not the browser's. */
export function momentAgo(spans: readonly Span[], agoS: number): number | undefined {
  const newest = spans.at(-1);
  return newest && newest.endMs - agoS * 1000;
}
