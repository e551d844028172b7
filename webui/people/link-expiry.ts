import { longDay } from '../words/dates.ts';
import type { PeopleWords } from '../words/en/settings/people.ts';
import { clock, dayStart, nextDay } from '../words/format.ts';

const EVENING_HOUR = 18;

type Words = Pick<PeopleWords, 'tonightAt' | 'todayAt' | 'tomorrowAt' | 'dayAt'>;

/** `tonight, 22:00`, `tomorrow, 14:05`, else the day. */
export function expiryText(ms: number, nowMs: number, language: string, words: Words): string {
  const time = clock(ms, language);
  const tomorrowMs = nextDay(nowMs);
  if (ms < tomorrowMs) {
    return new Date(ms).getHours() >= EVENING_HOUR ? words.tonightAt(time) : words.todayAt(time);
  }
  return dayStart(ms) === tomorrowMs ? words.tomorrowAt(time) : words.dayAt(longDay(ms, language, nowMs), time);
}

/** Durations of guest links. */
export const LINK_SPANS = ['hour', 'day', 'week', 'month'] as const;
export type LinkSpan = (typeof LINK_SPANS)[number];

/** A day, a week or a month later at the same time of day, across clock changes. */
export function linkEnd(span: LinkSpan, nowMs: number): number {
  const end = new Date(nowMs);
  switch (span) {
    case 'hour':
      return nowMs + 3_600_000;
    case 'day':
      return end.setDate(end.getDate() + 1);
    case 'week':
      return end.setDate(end.getDate() + 7);
    case 'month':
      return end.setDate(end.getDate() + 30);
  }
}

/** `1 hour`, `1 month`. */
export const spanName = (span: LinkSpan, language: string): string =>
  new Intl.NumberFormat(language, { style: 'unit', unit: span, unitDisplay: 'long' })
    .format(1)
    .replace(/(\d)(\p{Script=Han})/u, '$1 $2');
