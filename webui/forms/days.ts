import { longDuration } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { camerasWords } from '../words/settings/cameras.ts';
import { DAY_MS } from '../words/units.ts';

/** Days of a retention without end; above all other steps. */
export const FOR_EVER = 1_000_000;
export const DAY_STEPS = [1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 180, 365, FOR_EVER];

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS };

/** `14d`, `1h30m0s` in days; empty or zero is forever. */
export function daysOf(text: string): number {
  let ms = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    ms += Number(amount) * (UNITS[unit] ?? 0);
  }
  return ms === 0 ? FOR_EVER : ms / DAY_MS;
}

export const durationOf = (days: number): string =>
  days === FOR_EVER ? '0s' : Number.isInteger(days) ? `${days}d` : `${Math.round((days * DAY_MS) / 1000)}s`;

/** `14 days`, `6 hours`. */
export function daysText(days: number): string {
  const { language } = i18n();
  const t = camerasWords.value;
  if (days === FOR_EVER) {
    return t.forEver;
  }
  return days >= 1 ? t.days(Math.round(days)) : longDuration(days * DAY_MS, language);
}
