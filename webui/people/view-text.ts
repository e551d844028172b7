import type { ViewItem } from '../api-client/api-types.ts';
import { settingsLink } from '../shell/route.ts';
import type { PeopleWords } from '../words/en/settings/people.ts';
import { clock, dayStart, moment } from '../words/format.ts';

/** The viewing history. @param person undefined for all */
export const viewsLink = (person?: string): string =>
  settingsLink('people', 'views') + (person === undefined ? '' : `/${encodeURIComponent(person)}`);

type I18n = Parameters<typeof moment>[2];

/** `yesterday 14:02 – 14:10`; the day of the end only if it is another one. */
export function spanText(
  { from, to, running }: Pick<ViewItem, 'from' | 'to' | 'running'>,
  nowMs: number,
  i18n: I18n,
  words: Pick<PeopleWords, 'viewSince' | 'viewOpenEnd'>,
): string {
  const startMs = Date.parse(from);
  const start = moment(startMs, nowMs, i18n);
  if (to === null) {
    return running ? words.viewSince(start) : words.viewOpenEnd(start);
  }
  const endMs = Date.parse(to);
  const isSameDay = dayStart(startMs) === dayStart(endMs);
  const end = isSameDay ? clock(endMs, i18n.language) : moment(endMs, nowMs, i18n);
  return isSameDay && clock(startMs, i18n.language) === end ? start : `${start} – ${end}`;
}
