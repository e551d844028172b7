import type { ModeStatus } from '../../../api-client/api-types.ts';
import { spaced } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { modesWords } from '../../../words/settings/modes.ts';
import { modeName } from './modes-data.ts';

/** `Night from 22:30`, with the weekday unless it is today. @param timeZone of the timetable */
export function nextText({ mode, time }: NonNullable<ModeStatus['next']>, timeZone: string, nowMs: number): string {
  const t = modesWords.value;
  const { language } = i18n();
  const atMs = Date.parse(time);
  const dayOf = (ms: number) => new Date(ms).toLocaleDateString(language, { timeZone });
  const day = dayOf(atMs) === dayOf(nowMs) ? {} : ({ weekday: 'long' } as const);
  const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone } as const;
  return t.until(modeName(mode, t), spaced(new Intl.DateTimeFormat(language, { ...day, ...clock }).format(atMs)));
}
