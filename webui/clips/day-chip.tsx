import { useEffect, useState } from 'preact/hooks';
import { onKeys } from '../timeline/shortcuts.ts';
import { atMs } from '../timeline/view.ts';
import { voice } from '../words/i18n.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { clipWords } from '../words/clips.ts';
import { dayStart } from '../words/format.ts';
import { Calendar, type CalendarProps } from './calendar.tsx';

/** The day of the picture; a tap opens the calendar. */
export function DayChip({ name, all }: Pick<CalendarProps, 'name' | 'all'>) {
  const { language } = voice();
  const [isOpen, setOpen] = useState(false);
  useEffect(() => onKeys({ g: () => setOpen(true), G: () => setOpen(true) }), []);
  const day = atMs.value === undefined ? undefined : dayStart(atMs.value);
  return (
    <>
      <button class="chip tap day-chip" type="button" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Icon name="calendar" small />
        <span class="unseen">{clipWords.value.goToDay}: </span>
        {day !== undefined && chipDay(day, language)}
      </button>
      {isOpen && <Calendar name={name} all={all} onClosed={() => setOpen(false)} />}
    </>
  );
}

/** `Tuesday 17`, `17 日 周二`. */
function chipDay(ms: number, language: string): string {
  const part = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(language, options).format(ms);
  return language === 'zh-CN'
    ? `${new Date(ms).getDate()} 日 ${part({ weekday: 'short' })}`
    : `${part({ weekday: 'long' })} ${new Date(ms).getDate()}`;
}
