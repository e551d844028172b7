import type { ModeStatus } from '../../../agent/features/modes/routes.ts';
import { clockOptions, format, spaced } from '../../words/format.ts';
import { modeName } from './modes-data.ts';
import { modesWords } from './words.ts';

/** `Night from 22:30`, with the weekday unless it is today. @param timeZone of the timetable */
export function nextText(
  { mode, time }: NonNullable<ModeStatus['next']>,
  timeZone: string,
  nowMs: number,
  language: string,
): string {
  const t = modesWords.value;
  const atMs = Date.parse(time);
  const dayOf = (ms: number) => new Date(ms).toLocaleDateString(language, { timeZone });
  const day = dayOf(atMs) === dayOf(nowMs) ? {} : ({ weekday: 'long' } as const);
  const options = { ...day, ...clockOptions(language), timeZone };
  return t.until(modeName(mode, t), spaced(format(language, options).format(atMs)));
}
