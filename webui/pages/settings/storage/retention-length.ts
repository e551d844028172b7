import { longDuration } from '../../../words/format.ts';
import { storageWords } from '../../../words/settings/storage.ts';
import { DAY_MS } from '../../../words/units.ts';

/** `26 days`, `5 hours`. */
export function retentionLength(days: number, language: string): string {
  return days >= 1 ? storageWords.value.days(Math.floor(days)) : longDuration(days * DAY_MS, language);
}
