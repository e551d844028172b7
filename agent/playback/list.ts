import { PerchError } from '../base/errors.ts';
import type { Catalog } from './index/catalog.ts';
import type { Timespan } from './index/segment-index.ts';
import { formatLocalTime, formatRfc3339, type ZonedTime } from './read/rfc3339.ts';

export interface ListEntry {
  readonly start: string;
  /** Seconds. */
  readonly duration: number;
  readonly url: string;
}

interface ListRequest {
  readonly path: string;
  readonly start: ZonedTime | undefined;
  /** Without a final slash: `https://host/playback`. */
  readonly baseUrl: string;
  /** IANA name for recording names, or undefined for the box's zone. */
  readonly zone: string | undefined;
}

/** @throws PerchError notFound without recordings */
export function listEntries(spans: readonly Timespan[], request: ListRequest): ListEntry[] {
  if (spans.length === 0) {
    throw new PerchError('notFound', 'no recording segments found', { path: request.path });
  }
  return spans.map((span) => entryOf(span, request));
}

/** Recorded ranges without a gap, oldest first. */
export async function timespansOf(
  catalog: Catalog,
  path: string,
  start: ZonedTime | undefined,
  end: ZonedTime | undefined,
): Promise<readonly Timespan[]> {
  const fromUs = start?.us ?? Number.MIN_SAFE_INTEGER;
  const toUs = end?.us ?? Number.MAX_SAFE_INTEGER;
  await catalog.refresh(path, fromUs, toUs);
  const { index } = catalog;
  const spans = index.timespans(path, index.lastStartUpTo(path, fromUs), toUs);
  return index.hidden.visibleSpans(path, trim(spans, fromUs, toUs));
}

/** Cuts those that overlap the ends of the request. */
function trim(spans: readonly Timespan[], fromUs: number, toUs: number): Timespan[] {
  return spans.flatMap((span) => {
    const endUs = Math.min(span.startUs + span.durationUs, toUs);
    const startUs = Math.max(span.startUs, fromUs);
    const isInside = endUs >= startUs && (startUs === span.startUs || endUs > startUs);
    return isInside ? [{ startUs, durationUs: endUs - startUs }] : [];
  });
}

function entryOf(span: Timespan, request: ListRequest): ListEntry {
  // A start from the request keeps the request's zone.
  const isTrimmed = request.start?.us === span.startUs;
  const start = isTrimmed ? formatRfc3339(request.start) : formatLocalTime(span.startUs, request.zone);
  return listEntry(request.path, start, span.durationUs, request.baseUrl);
}

/** @param start RFC 3339 @param baseUrl without a final slash */
function listEntry(path: string, start: string, durationUs: number, baseUrl: string): ListEntry {
  const duration = durationUs / 1e6;
  // Neither a path nor a time contains characters that a form would encode.
  const query = `duration=${duration}&path=${encodeURIComponent(path)}&start=${encodeURIComponent(start)}`;
  return { start, duration, url: `${baseUrl}/get?${query}` };
}
