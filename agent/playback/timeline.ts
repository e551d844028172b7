import { PerchError } from '../base/errors.ts';
import type { FetchedFrom } from '../record/file/file-mark.ts';
import { gapsName } from '../record/gaps/gap-reason.ts';
import type { SegmentIndex, Timespan } from './index/segment-index.ts';
import type { TimelineQuery } from './read/query.ts';
import { formatLocalTime, formatRfc3339 } from './read/rfc3339.ts';

/** This many fit into 40 kB. */
const MAX_STEPS = 720;
const MAX_SECONDS = 400 * 86_400;
const FINEST_SECONDS = 0.001;
/** Default resolutions, as people count. */
const STEPS_SECONDS = [
  0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 86_400,
];
const EVENT_BYTES = 9_000;
const PROTECTED_BYTES = 5_000;
const REASON_BYTES = 4_000;
const MANY_REASONS = 100;
/** Up to this many events are shown individually. */
const MAX_EVENTS = 200;
const MAX_TEXT = 80;
const MAX_PARTS = 10_000;

/** Seconds after `from`, and duration in seconds. */
type Stretch = readonly [atSeconds: number, seconds: number];

export type Timeline = Awaited<ReturnType<typeof timelineOf>>;

/** The index, synced with the files before use. */
export interface IndexLookup {
  readonly index: SegmentIndex;
  refresh(path: string, fromUs: number, toUs: number): Promise<void>;
}

/** The response stays below 40 kB. */
export async function timelineOf(catalog: IndexLookup, query: TimelineQuery, timeZone: string | undefined) {
  const { path, from, to } = query;
  const resolution = resolutionOf(query);
  await catalog.refresh(path, from.us, to.us);
  const { index } = catalog;
  const known = index.timespans(path, index.lastStartUpTo(path, from.us), to.us);
  const spans = clip(index.hidden.visibleSpans(path, known), from.us, to.us);
  const shown = merge(spans, resolution * 1e6);
  const round = rounding(resolution);
  const stretch = (startUs: number, endUs: number): Stretch => {
    const at = round((startUs - from.us) / 1e6);
    return [at, round(round((endUs - from.us) / 1e6) - at)];
  };
  const extent = index.extentOf(path);
  const visible = extent ? index.hidden.visible(path, extent) : [];
  const [first, last] = [visible[0], visible.at(-1)];
  const { reasons, isCut } = reasonsOf(catalog, query, resolution);
  const marks = marksOf(catalog, query, resolution);
  const fetchedFrom = (place: FetchedFrom): Stretch[] => {
    const rows = index.fetchedSpans(place, path, index.lastStartUpTo(path, from.us), to.us, MAX_PARTS);
    const parts = mergedParts(index, query, rows, resolution);
    return parts.map(({ startUs, durationUs }) => stretch(startUs, startUs + durationUs));
  };
  const text = (us: number): string => formatLocalTime(us, timeZone);
  return {
    path,
    from: formatRfc3339(from),
    to: formatRfc3339(to),
    resolution,
    first: first ? text(first.startUs) : null,
    last: last ? text(last.endUs) : null,
    recordedSeconds: Number((spans.reduce((sum, { durationUs }) => sum + durationUs, 0) / 1e6).toFixed(3)),
    coverage: shown.map(({ startUs, durationUs }) => stretch(startUs, startUs + durationUs)),
    archived: copiesOf(catalog, query, resolution).map(({ startUs, durationUs }) =>
      stretch(startUs, startUs + durationUs),
    ),
    fetched: fetchedFrom('card'),
    imported: fetchedFrom('recorder'),
    gaps: gapsOf(shown, from.us, to.us, resolution * 1e6).map(({ startUs, durationUs }) =>
      stretch(startUs, startUs + durationUs),
    ),
    reasons,
    ...marks,
    isCut: isCut || marks.isCut,
  };
}

function resolutionOf({ from, to, resolution }: TimelineQuery): number {
  const seconds = (to.us - from.us) / 1e6;
  if (!(seconds > 0)) {
    throw new PerchError('badInput', `invalid to: '${formatRfc3339(to)}' is not after '${formatRfc3339(from)}'`);
  }
  if (seconds > MAX_SECONDS) {
    throw new PerchError('badInput', `invalid to: ${seconds} s are asked for, at most ${MAX_SECONDS} at once`);
  }
  const finest = STEPS_SECONDS.find((step) => seconds / step <= MAX_STEPS) ?? 86_400;
  if (resolution === undefined) {
    return finest;
  }
  if (!(resolution >= FINEST_SECONDS && resolution <= MAX_SECONDS)) {
    throw new PerchError(
      'badInput',
      `invalid resolution: ${resolution} is not between ${FINEST_SECONDS} and ${MAX_SECONDS} s`,
    );
  }
  if (seconds / resolution > MAX_STEPS) {
    const steps = Math.ceil(seconds / resolution);
    throw new PerchError(
      'badInput',
      `invalid resolution: ${seconds} s in steps of ${resolution} s are ${steps}, at most ${MAX_STEPS}: ask for ${finest}`,
    );
  }
  return resolution;
}

/** A tenth of a step is invisible, and long numbers are most of a response. */
function rounding(resolution: number): (seconds: number) => number {
  const digits = resolution >= 10 ? 0 : resolution >= 1 ? 1 : 3;
  return (seconds) => Number(seconds.toFixed(digits));
}

function clip(spans: readonly Timespan[], fromUs: number, toUs: number): Timespan[] {
  const clipped: Timespan[] = [];
  let doneUs = fromUs;
  for (const { startUs, durationUs } of spans) {
    const begin = Math.max(startUs, doneUs);
    const end = Math.min(startUs + durationUs, toUs);
    if (end > begin) {
      clipped.push({ startUs: begin, durationUs: end - begin });
      doneUs = end;
    }
  }
  return clipped;
}

/** Recordings of which only copies elsewhere are left. */
function copiesOf({ index }: IndexLookup, query: TimelineQuery, resolution: number): Timespan[] {
  const { path, from, to } = query;
  const firstUs = index.lastStartUpTo(path, from.us);
  return mergedParts(index, query, index.space.copiesFrom(path, firstUs, to.us, MAX_PARTS), resolution);
}

/** A part of the recordings. Shorter alternations with the others are merged. */
function mergedParts(
  index: SegmentIndex,
  { path, from, to }: TimelineQuery,
  rows: readonly Timespan[],
  resolution: number,
): Timespan[] {
  const spans = clip(index.hidden.visibleSpans(path, rows), from.us, to.us);
  let gapUs = resolution * 1e6;
  let merged = merge(spans, gapUs);
  while (merged.length > 200) {
    gapUs *= 2;
    merged = merge(spans, gapUs);
  }
  return merged;
}

function merge(spans: readonly Timespan[], minGapUs: number): Timespan[] {
  const merged: { startUs: number; durationUs: number }[] = [];
  for (const { startUs, durationUs } of spans) {
    const last = merged.at(-1);
    if (last && startUs - (last.startUs + last.durationUs) < minGapUs) {
      last.durationUs = startUs + durationUs - last.startUs;
    } else {
      merged.push({ startUs, durationUs });
    }
  }
  return merged;
}

function gapsOf(spans: readonly Timespan[], fromUs: number, toUs: number, minUs: number): Timespan[] {
  const gaps: Timespan[] = [];
  let doneUs = fromUs;
  for (const { startUs, durationUs } of [...spans, { startUs: toUs, durationUs: 0 }]) {
    if (startUs - doneUs >= minUs) {
      gaps.push({ startUs: doneUs, durationUs: startUs - doneUs });
    }
    doneUs = startUs + durationUs;
  }
  return gaps;
}

/** The reasons of gaps. If there are many, only the longest, and none shorter than a step. An ongoing one extends to the end. */
function reasonsOf({ index }: IndexLookup, { path, from, to }: TimelineQuery, resolution: number) {
  const round = rounding(Math.min(resolution, 1));
  const deleted = index.hidden.of(path).filter(({ startUs, endUs }) => startUs < to.us && endUs > from.us);
  const found = [
    ...deleted.map((range) => ({ ...range, type: 'deleted' })),
    ...index.events.longestOf(gapsName(path), from.us, to.us, MAX_STEPS),
  ];
  const minUs = found.length > MANY_REASONS ? resolution * 1e6 : 0;
  const shown = found.flatMap(({ type, startUs, endUs = to.us }) => {
    const [start, end] = [Math.max(startUs, from.us), Math.min(endUs, to.us)];
    const at = round((start - from.us) / 1e6);
    return end - start < minUs ? [] : [[at, round(round((end - from.us) / 1e6) - at), type] as const];
  });
  // More never fit.
  const reasons = fitting(shown, REASON_BYTES);
  return { reasons: reasons.sort(([a], [b]) => a - b), isCut: reasons.length < shown.length };
}

function marksOf({ index }: IndexLookup, { path, from, to }: TimelineQuery, resolution: number) {
  const round = rounding(Math.min(resolution, 1));
  const at = (us: number): number => round((us - from.us) / 1e6);
  const found = index.events.eventsOf(path, from.us, to.us, MAX_EVENTS + 1);
  const single = found.map(({ id, type, startUs, endUs, text, labels = [] }) => ({
    id,
    type,
    at: at(startUs),
    duration: endUs === undefined ? null : round((endUs - startUs) / 1e6),
    text: text.slice(0, MAX_TEXT),
    ...(labels.length > 0 && { labels: [...new Set(labels.map((label) => label.type))] }),
  }));
  const events = fitting(single, EVENT_BYTES);
  const isSingle = events.length === single.length;
  const stepUs = Math.ceil((to.us - from.us) / 120);
  const counts = isSingle ? [] : index.events.countEvents(path, from.us, to.us, stepUs);
  const eventCounts = fitting(
    counts.map(({ type, startUs, endUs, count, labelled }) => ({
      type,
      at: at(startUs),
      duration: round((endUs - startUs) / 1e6),
      count,
      ...(labelled > 0 && { labelled }),
    })),
    EVENT_BYTES,
  );
  const ranges = index.events.protectedOf(path, from.us, to.us, MAX_EVENTS).map(({ id, startUs, endUs, note }) => ({
    id,
    at: at(startUs),
    duration: round((endUs - startUs) / 1e6),
    note: note.slice(0, MAX_TEXT),
  }));
  const kept = fitting(ranges, PROTECTED_BYTES);
  const isCut = eventCounts.length < counts.length || kept.length < ranges.length;
  return { events: isSingle ? events : [], eventCounts, protected: kept, isCut };
}

function fitting<T>(items: readonly T[], maxBytes: number): T[] {
  let left = maxBytes;
  const end = items.findIndex((item) => {
    left -= Buffer.byteLength(JSON.stringify(item)) + 1;
    return left < 0;
  });
  return items.slice(0, end < 0 ? items.length : end);
}
