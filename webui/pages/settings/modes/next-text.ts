import { i18n } from '../../../words/i18n.ts';
import { modesWords } from '../../../words/modes.ts';
import { type ModeStatus, modeName } from './modes-data.ts';

const DAY_MS = 86_400_000;

/** `Night from 22:30`, with the day unless it is within 24 hours. @param timeZone of the timetable */
export function nextText({ mode, time }: NonNullable<ModeStatus['next']>, timeZone: string): string {
  const t = modesWords.value;
  const atMs = Date.parse(time);
  const day = atMs - Date.now() < DAY_MS ? {} : ({ weekday: 'long' } as const);
  const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone } as const;
  return t.until(modeName(mode, t), new Intl.DateTimeFormat(i18n().language, { ...day, ...clock }).format(atMs));
}
