import { useEffect, useRef, useState } from 'preact/hooks';
import { clipAddress } from '../api-client/urls.ts';
import { nowMs } from '../shell/page-state.ts';
import { laneFor } from '../timeline/lane-data.ts';
import { onShortcuts } from '../timeline/shortcuts.ts';
import { atMs, isPlaying, seek, showPeriod, spans } from '../timeline/view.ts';
import { hasModifier } from '../ui/browser/keys.ts';
import { Button } from '../ui/controls/button.tsx';
import { Icon } from '../ui/icons/icon.tsx';
import { Sheet } from '../ui/sheet/sheet.tsx';
import { clipWords } from '../words/clips.ts';
import { longDay, monthName, shortDay, shortDayName } from '../words/dates.ts';
import { dayStart, nextDay } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import {
  daysOfMonth,
  firstOfDay,
  firstWeekdayOf,
  monthStart,
  nearestDay,
  recordedShares,
  sharesOfAll,
} from './calendar-days.ts';
import { ProtectedList } from './protected-list.tsx';

interface CalendarProps {
  readonly name: string;
  /** Cameras whose events are shown, or undefined for the chosen one only. */
  readonly all: readonly string[] | undefined;
  readonly onClosed: () => void;
}

/** Days with recordings, and protected recordings. */
function Calendar({ name, all, onClosed }: CalendarProps) {
  const isOfAll = all !== undefined;
  const { language } = i18n();
  const words = clipWords.value;
  const [here] = useState(() => dayStart(atMs.peek() ?? spans.peek().at(-1)?.endMs ?? Date.now()));
  const [month, setMonth] = useState(() => monthStart(here));
  const [focused, setFocused] = useState(here);
  const [empty, setEmpty] = useState<number>();
  const [isDone, setDone] = useState(false);
  const shares = all ? daysOfAll(all, month) : recordedShares(spans.value);
  const firstMs = isOfAll ? Number.NEGATIVE_INFINITY : (spans.value[0]?.startMs ?? here);
  const lastMs = isOfAll ? Date.now() : (spans.value.at(-1)?.endMs ?? here);
  const go = (dayMs: number) => {
    if (openDay(dayMs, isOfAll)) {
      setDone(true);
    } else {
      setEmpty(dayMs);
    }
  };
  const turn = (by: -1 | 1) => {
    const next = monthStart(month, by);
    setMonth(next);
    setFocused(next);
    setEmpty(undefined);
  };
  const nearest = empty === undefined ? undefined : nearestDay(shares.keys(), empty);
  const turning = (
    <div class="months">
      <button
        class="round"
        type="button"
        aria-label={words.monthBefore}
        disabled={month <= firstMs}
        onClick={() => turn(-1)}
      >
        <Icon name="back" />
      </button>
      <button
        class="round"
        type="button"
        aria-label={words.monthAfter}
        disabled={monthStart(month, 1) > lastMs}
        onClick={() => turn(1)}
      >
        <Icon name="go" />
      </button>
    </div>
  );
  return (
    <Sheet title={monthName(month, language)} beside={turning} onClosed={onClosed} isDone={isDone}>
      <div class="calendar">
        <Month
          {...{ month, here, focused, shares, isOfAll }}
          onGo={go}
          onFocus={(dayMs) => {
            setFocused(dayMs);
            setMonth(monthStart(dayMs));
          }}
        />
        {isOfAll ? null : nearest === undefined ? (
          <p class="small dim">{words.recordedFrom(shortDay(firstMs, language))}</p>
        ) : (
          <div class="nearest" role="status">
            <p class="small">{words.nothingOnDay(shortDay(nearest, language))}</p>
            <Button onClick={() => go(nearest)}>{words.goThere}</Button>
          </div>
        )}
      </div>
      {!isOfAll && (shares.get(here) ?? 0) > 0 && <Lapse name={name} day={here} />}
      <ProtectedList name={name} onGo={() => setDone(true)} />
    </Sheet>
  );
}

/** A day in a minute. */
const LAPSE_SPEED = 1440;

function Lapse({ name, day }: { readonly name: string; readonly day: number }) {
  const { language } = i18n();
  const { lapse, lapseText } = clipWords.value;
  const address = clipAddress(name, new Date(day).toISOString(), (nextDay(day) - day) / 1000, LAPSE_SPEED);
  return (
    <a class="row" href={`${address}&gaps=skip&download=1`} download>
      <Icon name="download" />
      <span class="grow">
        <b>{lapse(shortDay(day, language))}</b>
        <span class="small dim">{lapseText}</span>
      </span>
    </a>
  );
}

/** Requests the visible month of each camera. */
const daysOfAll = (all: readonly string[], month: number) =>
  sharesOfAll(all.map((name) => laneFor(name, { fromMs: month, toMs: monthStart(month, 1) }).covered));

/** Shows the whole day and its first recorded moment. @returns false without a recording, if one is needed */
function openDay(dayMs: number, isAny: boolean): boolean {
  const ms = firstOfDay(spans.peek(), dayMs);
  if (ms === undefined && !isAny) {
    return false;
  }
  showPeriod({ fromMs: dayMs, toMs: nextDay(dayMs) });
  // Does not play a day without recordings: playback would continue after the gap, on another day.
  seek(ms ?? dayMs, ms !== undefined && isPlaying.peek());
  return true;
}

interface MonthProps {
  readonly month: number;
  readonly here: number;
  /** Roving tabindex; arrow keys move it. */
  readonly focused: number;
  readonly shares: ReadonlyMap<number, number>;
  readonly isOfAll: boolean;
  readonly onGo: (dayMs: number) => void;
  readonly onFocus: (dayMs: number) => void;
}

function Month({ month, here, focused, shares, isOfAll, onGo, onFocus }: MonthProps) {
  const { language } = i18n();
  const grid = useRef<HTMLDivElement>(null);
  const wantsFocus = useRef(false);
  const firstWeekday = firstWeekdayOf(navigator.language);
  const { days, before } = daysOfMonth(month, firstWeekday);
  useEffect(() => {
    if (wantsFocus.current) {
      wantsFocus.current = false;
      grid.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
    }
  }, [focused]);
  // 4 January 2026 is a Sunday.
  const weekdays = Array.from({ length: 7 }, (_, i) => new Date(2026, 0, 4 + firstWeekday + i).getTime());
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the days in it have the focus
    <div
      class="month"
      ref={grid}
      onKeyDown={(event) => {
        const next = hasModifier(event) ? undefined : dayBeside(focused, event.key);
        if (next !== undefined) {
          event.preventDefault();
          wantsFocus.current = true;
          onFocus(next);
        }
      }}
    >
      {weekdays.map((ms) => (
        <span key={ms} class="weekday small dim" aria-hidden="true">
          {new Intl.DateTimeFormat(language, { weekday: language.startsWith('en') ? 'short' : 'narrow' })
            .format(ms)
            .slice(0, 2)}
        </span>
      ))}
      {days.map((day, i) => (
        <Day
          key={day}
          {...{ day, share: shares.get(day) ?? 0, isOfAll, isHere: day === here, isFocused: day === focused, onGo }}
          column={i === 0 ? before + 1 : undefined}
        />
      ))}
    </div>
  );
}

interface DayProps {
  readonly day: number;
  readonly share: number;
  readonly isOfAll: boolean;
  readonly isHere: boolean;
  readonly isFocused: boolean;
  readonly column: number | undefined;
  readonly onGo: (dayMs: number) => void;
}

function Day({ day, share, isOfAll, isHere, isFocused, column, onGo }: DayProps) {
  const { language } = i18n();
  const name = longDay(day, language);
  return (
    <button
      class="day digits"
      type="button"
      tabIndex={isFocused ? 0 : -1}
      aria-label={share > 0 || isOfAll ? name : clipWords.value.nothingOn(name)}
      aria-current={isHere ? 'date' : undefined}
      data-recorded={share > 0 ? '' : undefined}
      style={column === undefined ? {} : { gridColumnStart: column }}
      onClick={() => onGo(day)}
    >
      {new Date(day).getDate()}
      {share > 0 && <i style={{ width: `${Math.max(30, Math.round(100 * share))}%` }} />}
    </button>
  );
}

function dayBeside(day: number, key: string): number | undefined {
  const at = new Date(day);
  const on = (days: number) => dayStart(new Date(day).setDate(at.getDate() + days));
  switch (key) {
    case 'ArrowLeft':
      return on(-1);
    case 'ArrowRight':
      return on(1);
    case 'ArrowUp':
      return on(-7);
    case 'ArrowDown':
      return on(7);
    case 'PageUp':
      return monthStart(day, -1);
    case 'PageDown':
      return monthStart(day, 1);
    default:
      return undefined;
  }
}

/** The day of the picture, which opens the calendar. */
export function DayChip({ name, all }: Pick<CalendarProps, 'name' | 'all'>) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => onShortcuts({ g: () => setOpen(true), G: () => setOpen(true) }), []);
  const day = atMs.value === undefined ? undefined : dayStart(atMs.value);
  return (
    <>
      <button class="chip tap day-chip" type="button" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Icon name="calendar" small />
        <span class="visually-hidden">{clipWords.value.goToDay}: </span>
        {day !== undefined && shortDayName(day, nowMs.value, i18n())}
      </button>
      {isOpen && <Calendar name={name} all={all} onClosed={() => setOpen(false)} />}
    </>
  );
}
