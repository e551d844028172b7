import type { Span } from '../box/recordings.ts';
import { dayStart, nextDay } from '../words/format.ts';

/** What was recorded within one hour of the clock, without a gap. Unix milliseconds. */
export interface Row {
  readonly startMs: number;
  readonly endMs: number;
}

const HOUR_MS = 3_600_000;

/** The days that have recordings, newest first, as their midnights in the browser's time zone. */
export function recordedDays(spans: readonly Span[]): number[] {
  const days = new Set<number>();
  for (const { startMs, endMs } of spans) {
    for (let day = dayStart(startMs); day < endMs; day = nextDay(day)) {
      days.add(day);
    }
  }
  return [...days].sort((a, b) => b - a);
}

/** What of the spans lies within a day, oldest first. */
export function withinDay(spans: readonly Span[], dayMs: number): Row[] {
  const endMs = nextDay(dayMs);
  return spans
    .filter((span) => span.startMs < endMs && span.endMs > dayMs)
    .map((span) => ({ startMs: Math.max(span.startMs, dayMs), endMs: Math.min(span.endMs, endMs) }));
}

/** A day's recordings cut at the full hours, newest first: long spans become rows that one can jump into. */
export function hourRows(spans: readonly Span[], dayMs: number): Row[] {
  const rows: Row[] = [];
  for (const { startMs, endMs } of withinDay(spans, dayMs)) {
    for (let atMs = startMs; atMs < endMs; ) {
      const untilMs = Math.min(endMs, nextHour(atMs));
      rows.push({ startMs: atMs, endMs: untilMs });
      atMs = untilMs;
    }
  }
  return rows.reverse();
}

/** The next full hour of the clock; zones may be off by half an hour. */
function nextHour(ms: number): number {
  const sinceHourMs = new Date(ms).getMinutes() * 60_000 + (ms % 60_000);
  return ms - sinceHourMs + HOUR_MS;
}
