import { dayOf } from '../../base/time/days.ts';
import type { Mode } from '../../config/values/modes.ts';
import { fromLocalTime, toLocalTime } from '../../record/file/time-zone.ts';
import type { TimetableEntry } from './keys.ts';

export interface Change {
  readonly mode: Mode;
  /** Unix milliseconds. */
  readonly atMs: number;
}

const WEEK_DAYS = 7;

/** The last change until `nowMs`, and the first one after it. @param zone IANA name, or undefined for the machine's zone */
export function changesAround(
  entries: readonly TimetableEntry[],
  zone: string | undefined,
  nowMs: number,
): { readonly last: Change | undefined; readonly next: Change | undefined } {
  const { year, month, day } = toLocalTime(nowMs, zone);
  let [last, next]: (Change | undefined)[] = [];
  for (let i = -WEEK_DAYS; i <= WEEK_DAYS; i += 1) {
    const date = new Date(Date.UTC(year, month - 1, day + i));
    const name = dayOf(date);
    for (const { days, from, mode } of entries) {
      if (!days.includes(name)) {
        continue;
      }
      const change = { mode, atMs: timeOn(date, from, zone) };
      // If two changes are at the same time, the later entry counts.
      if (change.atMs <= nowMs && change.atMs >= (last?.atMs ?? -Infinity)) {
        last = change;
      } else if (change.atMs > nowMs && change.atMs <= (next?.atMs ?? Infinity)) {
        next = change;
      }
    }
  }
  return { last, next };
}

/** @param date its UTC fields are the local date */
function timeOn(date: Date, from: string, zone: string | undefined): number {
  const [hour = 0, minute = 0] = from.split(':').map(Number);
  const local = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
  return fromLocalTime({ ...local, hour, minute, second: 0 }, zone);
}
