import { clock, clockSeconds, dayStart, format, nextDay, spaced } from '../words/format.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../words/units.ts';
import type { TimeWindow } from './time-window.ts';

/** A label of the axis. */
export interface Tick {
  readonly ms: number;
  readonly text: string;
  /** Start of a day. */
  readonly isDay: boolean;
}

const SECOND = 1_000;
const STEPS_MS = [
  ...[1, 2, 5, 10, 15, 30].map((step) => step * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((step) => step * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((step) => step * HOUR_MS),
  ...[1, 2, 4, 7, 14].map((step) => step * DAY_MS),
];

/** The smallest step with enough distance between labels. @param minPx by the step */
export function tickStep(msPerPx: number, minPx: (stepMs: number) => number = () => 64): number {
  return STEPS_MS.find((step) => step / msPerPx >= minPx(step)) ?? 14 * DAY_MS;
}

/** A Wednesday with two digits for everything, before noon and after it. */
const WIDEST_MS = [new Date(2026, 10, 18, 10, 44, 44).getTime(), new Date(2026, 10, 18, 22, 44, 44).getTime()];

export type LabelKind = DayKind | 'minutes' | 'seconds';

export const labelKind = (stepMs: number, dayKind: DayKind): LabelKind =>
  stepMs >= DAY_MS ? dayKind : stepMs < MINUTE_MS ? 'seconds' : 'minutes';

/** The longest labels of a kind. */
export const widestLabels = (kind: LabelKind, language: string): string[] =>
  WIDEST_MS.map((ms) => labelAt(ms, kind, language));

/**
 * Labels of the window in the browser's time zone, oldest first. The repeated hour of a clock change is labelled twice.
 */
export function ticks(
  { fromMs, toMs }: TimeWindow,
  stepMs: number,
  language: string,
  dayKind: DayKind = 'weekday',
): Tick[] {
  const all: Tick[] = [];
  for (let day = dayStart(fromMs); day < toMs; day = nextDay(day)) {
    for (const ms of stepMs < DAY_MS ? momentsOfDay(day, stepMs, fromMs, toMs) : daysBy(day, stepMs)) {
      if (ms >= fromMs && ms <= toMs) {
        all.push(tickAt(ms, day, stepMs, language, dayKind));
      }
    }
  }
  return all;
}

/** Steps up to an hour have a fixed length; longer ones follow the clock, also on days of 23 and 25 hours. */
function* momentsOfDay(day: number, stepMs: number, fromMs: number, toMs: number): Generator<number> {
  if (stepMs <= HOUR_MS) {
    const first = day + Math.max(0, Math.floor((fromMs - day) / stepMs)) * stepMs;
    const endMs = Math.min(nextDay(day), toMs + 1);
    for (let ms = first; ms < endMs; ms += stepMs) {
      yield ms;
    }
    return;
  }
  for (let hour = 0; hour < 24; hour += stepMs / HOUR_MS) {
    yield new Date(day).setHours(hour);
  }
}

/** Steps of several days start at the same days for every window. */
function daysBy(day: number, stepMs: number): number[] {
  const date = new Date(day);
  const count = Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS);
  return count % (stepMs / DAY_MS) === 0 ? [day] : [];
}

function tickAt(ms: number, day: number, stepMs: number, language: string, dayKind: DayKind): Tick {
  if (ms === day) {
    return { ms, text: labelAt(ms, dayKind, language), isDay: true };
  }
  const text = labelAt(ms, labelKind(stepMs, dayKind), language);
  return { ms, text: isTwice(ms) ? `${text} ${offsetAt(ms)}` : text, isDay: false };
}

/** Whether the clock shows the same time an hour earlier or later, after it was set back. */
function isTwice(ms: number): boolean {
  const face = (at: number) => new Date(at).getHours() * 60 + new Date(at).getMinutes();
  return face(ms) === face(ms - HOUR_MS) || face(ms) === face(ms + HOUR_MS);
}

/** `+2` or `+5:30`. */
function offsetAt(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset();
  const rest = Math.abs(minutes) % 60;
  return `${minutes < 0 ? '−' : '+'}${Math.floor(Math.abs(minutes) / 60)}${rest > 0 ? `:${String(rest).padStart(2, '0')}` : ''}`;
}

/** Centre and half length of a label. */
interface Placed {
  readonly at: number;
  readonly half: number;
  readonly isDay: boolean;
}

const BETWEEN_PX = 8;

/**
 * Positions without clipping or overlaps: a day label moves inwards and has priority over its neighbours; others at the
 * ends are left out, which is undefined.
 */
export function placeLabels(labels: readonly Placed[], along: number): readonly (number | undefined)[] {
  const inside = ({ at, half }: Placed) => Math.min(Math.max(at, half), along - half);
  const taken: { readonly at: number; readonly half: number }[] = [];
  const days: Placed[] = [];
  for (const day of labels.filter(({ isDay, at }) => isDay && at >= 0 && at <= along)) {
    const last = taken.at(-1);
    if (!last || inside(day) - last.at >= day.half + last.half + BETWEEN_PX) {
      taken.push({ at: inside(day), half: day.half });
      days.push(day);
    }
  }
  return labels.map((label) => {
    if (label.isDay) {
      return days.includes(label) ? inside(label) : undefined;
    }
    const isFree = taken.every(({ at, half }) => Math.abs(at - label.at) >= half + label.half + BETWEEN_PX);
    if (!isFree || inside(label) !== label.at) {
      return undefined;
    }
    taken.push(label);
    return label.at;
  });
}

const DAY_FORMAT = { day: 'numeric', month: 'short' } as const;

/** With the weekday, where there is room. */
export type DayKind = 'weekday' | 'day';

function labelAt(ms: number, kind: LabelKind, language: string): string {
  switch (kind) {
    case 'minutes':
      return clock(ms, language);
    case 'seconds':
      return clockSeconds(ms, language);
    default:
      return spaced(format(language, kind === 'day' ? DAY_FORMAT : { weekday: 'short', ...DAY_FORMAT }).format(ms));
  }
}
