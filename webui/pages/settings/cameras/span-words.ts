import { voice } from '../../../words/i18n.ts';
import { camerasWords } from '../../../words/cameras.ts';
import { longDuration } from '../../../words/format.ts';
import { FOR_EVER } from './camera-settings.ts';

const DAY_MS = 86_400_000;

/** `14 days`, `6 hours`. */
export function formatDuration(days: number): string {
  const { language } = voice();
  const say = camerasWords.value;
  if (days === FOR_EVER) {
    return say.forEver;
  }
  return days >= 1 ? say.days(Math.round(days)) : longDuration(days * DAY_MS, language);
}
