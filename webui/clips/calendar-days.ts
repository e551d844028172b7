import type { Span } from '../api-client/recordings/recordings.ts';
import { merged } from '../timeline/lane.ts';
import { dayStart, nextDay } from '../words/format.ts';

/** The first of the month of `ms`, `months` later. Midnight in the browser's time zone. */
export function monthStart(ms: number, on = 0): number {
  const day = new Date(ms);
  // From the first, because not every month has a 31st.
  return dayStart(day.setMonth(day.getMonth() + on, 1));
}

/** The days of a month as midnights, and the number of empty cells in its first week. */
export function daysOfMonth(
  monthMs: number,
  firstWeekday: number,
): { readonly days: readonly number[]; readonly before: number } {
  const days: number[] = [];
  const end = monthStart(monthMs, 1);
  for (let day = monthStart(monthMs); day < end; day = nextDay(day)) {
    days.push(day);
  }
  return { days, before: (new Date(monthStart(monthMs)).getDay() - firstWeekday + 7) % 7 };
}

/** Recorded share of each day, 0 to 1, by its midnight. */
export function recordedShares(spans: readonly Pick<Span, 'startMs' | 'endMs'>[]): ReadonlyMap<number, number> {
  const shares = new Map<number, number>();
  for (const { startMs, endMs } of spans) {
    for (let day = dayStart(startMs); day < endMs; day = nextDay(day)) {
      const next = nextDay(day);
      const share = (Math.min(endMs, next) - Math.max(startMs, day)) / (next - day);
      shares.set(day, Math.min(1, (shares.get(day) ?? 0) + share));
    }
  }
  return shares;
}

/** The same of several cameras together. @param all alternating starts and ends, of each camera */
export function sharesOfAll(all: readonly Float64Array[]): ReadonlyMap<number, number> {
  const pairs = merged(all.flatMap((covered) => [...covered]));
  return recordedShares(
    Array.from({ length: pairs.length / 2 }, (_, i) => ({ startMs: pairs[2 * i] ?? 0, endMs: pairs[2 * i + 1] ?? 0 })),
  );
}

/** The nearest day with recordings; of two the earlier. */
export function nearestDay(recorded: Iterable<number>, dayMs: number): number | undefined {
  let best: number | undefined;
  for (const day of recorded) {
    if (best === undefined || Math.abs(day - dayMs) < Math.abs(best - dayMs)) {
      best = day;
    }
  }
  return best;
}

/** The first recorded moment of a day. */
export function firstOfDay(spans: readonly Span[], dayMs: number): number | undefined {
  const span = spans.find(({ startMs, endMs }) => endMs > dayMs && startMs < nextDay(dayMs));
  return span && Math.max(span.startMs, dayMs);
}

/** Sunday is 0. Monday if the browser does not know. */
export function firstWeekdayOf(locale: string): number {
  const { getWeekInfo, weekInfo } = new Intl.Locale(locale) as Intl.Locale & {
    getWeekInfo?: () => { readonly firstDay: number };
    weekInfo?: { readonly firstDay: number };
  };
  const info = getWeekInfo ? getWeekInfo.call(new Intl.Locale(locale)) : weekInfo;
  return (info?.firstDay ?? 1) % 7;
}
