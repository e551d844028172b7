import type { Span } from '../api-client/recordings/recordings.ts';

/** A range of a span, played as one file. */
export interface FileRange {
  /** RFC 3339, with the box's precision at the start of a span. */
  readonly start: string;
  /** Unix milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Long enough to seek within; short enough for a quick index, also on phones. */
export const MAX_RANGE_MS = 10 * 60_000;
/** Above this speed, ranges last as long on the screen. */
const LAPSE_FROM = 16;

/** A shorter rest contains no frame. */
const REST_MS = 200;

/** Lead before a moment, so that short steps back stay within the file. */
const LEAD_MS = 30_000;
const GRID_MS = 5 * 60_000;

/**
 * The range to play for a moment: from shortly before it, within its span, at most ten minutes, or at more than sixteen
 * times the speed longer. In a gap the next span,
 * after all spans the last. Undefined without recordings.
 */
export function fileRangeAt(spans: readonly Span[], atMs: number, speed = 1): FileRange | undefined {
  const span = spans.find(({ endMs }) => endMs - REST_MS > atMs) ?? spans.at(-1);
  return span && fileRangeFrom(span, Math.floor((atMs - LEAD_MS) / GRID_MS) * GRID_MS, speed);
}

function fileRangeFrom(span: Span, wantedMs: number, speed: number): FileRange {
  // Not worth a file of its own.
  const latestMs = Math.max(span.startMs, span.endMs - 1000);
  const startMs = Math.min(Math.max(wantedMs, span.startMs), latestMs);
  return {
    start: startMs === span.startMs ? span.start : new Date(startMs).toISOString(),
    startMs,
    endMs: Math.min(span.endMs, startMs + MAX_RANGE_MS * Math.max(1, speed / LAPSE_FROM)),
  };
}

/** The range after one that has ended; gaps are skipped. */
export function nextFileRange(spans: readonly Span[], range: FileRange, speed = 1): FileRange | undefined {
  const span = spans.find(({ endMs }) => endMs - REST_MS > range.endMs);
  return span && fileRangeFrom(span, range.endMs, speed);
}

/**
 * The moment some seconds before the newest recording, by the box's clock. In a gap, the start of the next
 * recording.
 */
export function momentAgo(spans: readonly Span[], agoS: number): number | undefined {
  const newest = spans.at(-1);
  if (!newest) {
    return undefined;
  }
  const ms = newest.endMs - agoS * 1000;
  const span = spans.find(({ endMs }) => endMs > ms) ?? newest;
  // Spans are rounded down to milliseconds.
  return ms < span.startMs ? span.startMs + 1 : ms;
}

/** Within this distance, the view shows the newest recording. */
const AT_NEWEST_MS = 2 * 60_000;

/** The moment for another camera. @param spans of the camera before. Undefined: its newest, if that was shown before */
export function momentToKeep(spans: readonly Span[], atMs: number | undefined): number | undefined {
  const newestMs = spans.at(-1)?.endMs ?? Number.POSITIVE_INFINITY;
  return atMs !== undefined && newestMs - atMs > AT_NEWEST_MS ? atMs : undefined;
}

/** Farther from all recordings, a moment is gone: events start shortly before their recording. */
const GONE_MS = 15_000;
/** Playback of a recording that ended before the moment starts this long before its end. */
const LAST_MS = 5_000;

/** The nearest recorded moment; undefined without recordings. */
export function nearestRecordedMoment(spans: readonly Span[], ms: number): number | undefined {
  const moments = spans.map(({ startMs, endMs }) =>
    ms < startMs ? startMs + 1 : ms > endMs ? Math.max(startMs + 1, endMs - LAST_MS) : ms,
  );
  return moments.reduce<number | undefined>(
    (best, at) => (best !== undefined && Math.abs(best - ms) <= Math.abs(at - ms) ? best : at),
    undefined,
  );
}

/** The moment has no recording any more. The newest may not be written yet. */
export function isGone(spans: readonly Span[], ms: number): boolean {
  const newestMs = spans.at(-1)?.endMs ?? Number.NEGATIVE_INFINITY;
  return ms < newestMs && spans.every(({ startMs, endMs }) => ms < startMs - GONE_MS || ms > endMs + GONE_MS);
}
