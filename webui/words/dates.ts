import { clockSeconds, daysBetween, format, type I18n, LONG_DATE, NEAR_DAY, spaced, yearOf } from './format.ts';

/** Days in words. */

/** `Today`, `Yesterday`, `Tue 17 Nov`, `17 Nov 2025`. */
export function shortDayName(ms: number, nowMs: number, { language, words }: I18n): string {
  const days = daysBetween(ms, nowMs);
  if (days === 0 || days === 1) {
    return days === 0 ? words.today : words.yesterday;
  }
  const { weekday, ...date } = NEAR_DAY;
  const year = yearOf(ms, nowMs);
  return spaced(format(language, year ? { ...date, ...year } : { weekday, ...date }).format(ms));
}

/** `14:02:08`, with the day unless it is today. */
export const momentSeconds = (ms: number, nowMs: number, i18n: I18n): string =>
  daysBetween(ms, nowMs) === 0
    ? clockSeconds(ms, i18n.language)
    : `${shortDayName(ms, nowMs, i18n)} ${clockSeconds(ms, i18n.language)}`;

/** `Today`, `Yesterday`, `Tuesday 17 November`. */
export function dayName(ms: number, nowMs: number, { language, words }: I18n): string {
  const days = daysBetween(ms, nowMs);
  if (days === 0) {
    return words.today;
  }
  return days === 1 ? words.yesterday : longDay(ms, language, nowMs);
}

/** `Tuesday 17 November`, also for today; with the year unless it is this one. */
export const longDay = (ms: number, language: string, nowMs = Date.now()): string =>
  spaced(format(language, { weekday: 'long', ...LONG_DATE, ...yearOf(ms, nowMs) }).format(ms));

/** `17 November`, with the year unless it is this one. */
export const shortDay = (ms: number, language: string, nowMs = Date.now()): string =>
  spaced(format(language, { ...LONG_DATE, ...yearOf(ms, nowMs) }).format(ms));

/** `November 2026` */
export const monthName = (ms: number, language: string): string =>
  spaced(format(language, { month: 'long', year: 'numeric' }).format(ms));

/** `2 minutes ago`, `3 hours ago`. */
export function timeAgo(ms: number, language: string): string {
  const minutes = Math.floor(ms / 60_000);
  const [value, unit] = minutes >= 120 ? ([Math.floor(minutes / 60), 'hour'] as const) : ([minutes, 'minute'] as const);
  return spaced(new Intl.RelativeTimeFormat(language).format(-value, unit));
}
