import type { CommonWords } from './en/common.ts';

/** Language and texts, on which the formatted values depend. */
export interface I18n {
  readonly language: string;
  readonly words: Pick<CommonWords, 'today' | 'yesterday' | 'yesterdayAt' | 'minutes' | 'seconds'>;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Creating a format costs a hundred times more than using it. */
export function format(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language + JSON.stringify(options);
  let known = formats.get(key);
  if (!known) {
    known = new Intl.DateTimeFormat(language, options);
    formats.set(key, known);
  }
  return known;
}

/** Options of a clock time: with leading zeros where a day has 24 hours. */
export const clockOptions = (language: string): Intl.DateTimeFormatOptions => ({
  hour: format(language, { hour: 'numeric' }).resolvedOptions().hour12 ? 'numeric' : '2-digit',
  minute: '2-digit',
});

/** `14:02` or `2:02 PM`, as the locale has it. */
export const clock = (ms: number, language: string): string =>
  spaced(format(language, clockOptions(language)).format(ms));

/** `14:02:08` or `2:02:08 PM` */
export const clockSeconds = (ms: number, language: string): string =>
  spaced(format(language, { ...clockOptions(language), second: '2-digit' }).format(ms));

/** `Garden, Barn`; Chinese separates by `、`. */
export const listed = (texts: readonly string[], language: string): string =>
  new Intl.ListFormat(language, { style: 'narrow' }).format(texts);

/** Midnight before `ms`, in the browser's time zone. Days have 23 to 25 hours. */
export function dayStart(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

export const nextDay = (ms: number): number => {
  const day = new Date(ms);
  return dayStart(day.setDate(day.getDate() + 1));
};

export const LONG_DATE = { day: 'numeric', month: 'long' } as const;
export const NEAR_DAY = { weekday: 'short', day: 'numeric', month: 'short' } as const;

/** Calendar days between the two. */
export const daysBetween = (fromMs: number, toMs: number): number =>
  Math.round((dayStart(toMs) - dayStart(fromMs)) / 86_400_000);

/** `14:02`, `yesterday 14:02`, `Tue 17 Nov 14:02`, else the date. */
export function moment(ms: number, nowMs: number, { language, words }: I18n): string {
  const time = clock(ms, language);
  const days = daysBetween(ms, nowMs);
  if (days === 0) {
    return time;
  }
  if (days === 1) {
    return words.yesterdayAt(time);
  }
  const isNear = days > 1 && days < 7;
  const day = isNear ? format(language, NEAR_DAY) : format(language, { ...LONG_DATE, ...yearOf(ms, nowMs) });
  return `${spaced(day.format(ms))} ${time}`;
}

/** Adds spaces between digits and Chinese characters, which Intl omits. */
export const spaced = (text: string): string =>
  text.replace(/(\d)(\p{Script=Han})/gu, '$1 $2').replace(/(\p{Script=Han})(\d)/gu, '$1 $2');

export function yearOf(ms: number, nowMs: number): { readonly year: 'numeric' } | undefined {
  return new Date(ms).getFullYear() === new Date(nowMs).getFullYear() ? undefined : { year: 'numeric' };
}

/** `42 s`, `8 min`. */
export function duration(ms: number, { language, words }: I18n): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  const number = (value: number) => new Intl.NumberFormat(language).format(value);
  return seconds < 60 ? words.seconds(number(seconds)) : words.minutes(number(Math.round(seconds / 60)));
}

/** Only the largest unit: `23 days`, `5 hours`, `8 minutes`. */
export function longDuration(ms: number, language: string): string {
  const minutes = Math.max(1, Math.floor(ms / 60_000));
  const [value, unit] =
    minutes >= 2 * 1440
      ? [Math.floor(minutes / 1440), 'day']
      : minutes >= 120
        ? [Math.floor(minutes / 60), 'hour']
        : [minutes, 'minute'];
  const options = { style: 'unit', unit: String(unit), unitDisplay: 'long' } as const;
  return spaced(new Intl.NumberFormat(language, options).format(Number(value)));
}

/** The same, in seconds below two minutes. */
export const fineDuration = (ms: number, language: string): string =>
  ms < 120_000
    ? spaced(
        new Intl.NumberFormat(language, { style: 'unit', unit: 'second', unitDisplay: 'long' }).format(
          Math.floor(ms / 1_000),
        ),
      )
    : longDuration(ms, language);

/** `4.2 Mbit/s`; whole kbit/s below a megabit. */
export function bitRate(bitsPerSecond: number, language: string): string {
  if (bitsPerSecond < 1000) {
    return '0 kbit/s';
  }
  return bitsPerSecond < 999_500
    ? `${number(bitsPerSecond / 1e3, 0, language)} kbit/s`
    : `${number(bitsPerSecond / 1e6, bitsPerSecond < 99.95e6 ? 1 : 0, language)} Mbit/s`;
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `1.8 TB`, in powers of 1000 as on disk packages. */
export function byteSize(bytes: number, language: string): string {
  const step = bytes < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${number(value, value < 10 && step > 1 ? 1 : 0, language)} ${SIZES[step]}`;
}

/** `83%` */
export const percent = (share: number, language: string): string =>
  new Intl.NumberFormat(language, { style: 'percent' }).format(share);

export const number = (value: number, digits: number, language: string): string =>
  new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
