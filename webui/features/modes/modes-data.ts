import type { ModeStatus } from '../../../agent/features/modes/routes.ts';
import { fetchJson } from '../../api-client/request.ts';
import { listed } from '../../words/format.ts';
import { DAY_MS } from '../../words/units.ts';
import type { ModesWords } from './words/en.ts';

export const MODES = ['home', 'away', 'night'] as const;
export type Mode = (typeof MODES)[number];
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
type Day = (typeof DAYS)[number];
const WORK_DAYS = 5;

export interface TimetableEntry {
  readonly days: readonly Day[];
  /** `07:30` */
  readonly from: string;
  readonly mode: Mode;
}

/** The part of the configuration's top level that the page uses. */
export interface TimetableConfig {
  readonly timetable: readonly TimetableEntry[];
  readonly timetableZone: string;
}

/** Settings of a camera in a mode, as the configuration has them; absent: as usual. */
interface ModeRule {
  readonly record?: boolean | 'always' | 'motion' | 'no';
  readonly audio?: boolean;
  readonly notify?: boolean;
  readonly privacy?: boolean;
}
export type ModeRules = { readonly [mode in Mode]?: ModeRule };

/** The same as values of the form. */
export interface ModeChoice {
  readonly record: 'usual' | 'always' | 'motion' | 'no';
  readonly sound: boolean;
  readonly notify: boolean;
  readonly privacy: boolean;
}

export const modeName = (mode: Mode, t: ModesWords): string => ({ home: t.home, away: t.away, night: t.night })[mode];

export const setMode = (body: { readonly mode?: Mode; readonly hold?: boolean }): Promise<ModeStatus> =>
  fetchJson<ModeStatus>('v3/mode', { method: 'POST', body });

export function choiceOf({ record, audio, notify, privacy }: ModeRule = {}): ModeChoice {
  const when = record === undefined ? 'usual' : record === 'motion' ? record : isOn(record) ? 'always' : 'no';
  return { record: when, sound: audio !== false, notify: notify !== false, privacy: privacy === true };
}

const isOn = (record: ModeRule['record']): boolean => record === true || record === 'always';

/** @param before the present rule: `audio: true` is kept */
export const ruleOf = ({ record, sound, notify, privacy }: ModeChoice, { audio }: ModeRule = {}): ModeRule => ({
  ...(record !== 'usual' && { record }),
  ...(sound ? audio === true && { audio } : { audio: false }),
  ...(!notify && { notify }),
  ...(privacy && { privacy }),
});

/** `records always, no sound`; empty: as usual. */
export function choiceText({ record, sound, notify, privacy }: ModeChoice, t: ModesWords): string {
  if (privacy) {
    return t.isPrivate;
  }
  const records = { usual: '', always: t.doesRecordAlways, motion: t.doesRecordMotion, no: t.doesRecordOff };
  return [records[record], sound ? '' : t.soundOff, notify ? '' : t.notifyOff].filter(Boolean).join(t.comma);
}

/** What differs by mode. */
export function rulesText(rules: ModeRules | undefined, t: ModesWords): string {
  const texts = MODES.flatMap((mode) => {
    const text = choiceText(choiceOf(rules?.[mode]), t);
    return text === '' ? [] : [t.perMode(modeName(mode, t), text)];
  });
  return texts.length === 0 ? t.sameAlways : texts.join(' · ');
}

/** `Monday to Friday`, `Mon, Wed`. */
export function daysText(days: readonly Day[], language: string, t: ModesWords): string {
  const chosen = DAYS.filter((day) => days.includes(day));
  if (chosen.length === DAYS.length) {
    return t.everyDay;
  }
  const isWork = chosen.length === WORK_DAYS && DAYS.slice(0, WORK_DAYS).every((day) => chosen.includes(day));
  const isFree = chosen.length === DAYS.length - WORK_DAYS && chosen.includes('sat') && chosen.includes('sun');
  const names = chosen.map((day) => dayName(day, language));
  return isWork ? t.weekdays : isFree ? t.weekend : listed(names, language);
}

/** A Monday, in UTC. */
const MONDAY_MS = Date.UTC(2024, 0, 1);

export const dayName = (day: Day, language: string): string =>
  new Intl.DateTimeFormat(language, { weekday: 'short', timeZone: 'UTC' }).format(
    MONDAY_MS + DAYS.indexOf(day) * DAY_MS,
  );

/** In the order of the day, with their places in the list. */
export const inOrder = (entries: readonly TimetableEntry[]): readonly (readonly [TimetableEntry, number])[] =>
  entries.map((entry, i) => [entry, i] as const).sort(([a], [b]) => (a.from < b.from ? -1 : 1));
