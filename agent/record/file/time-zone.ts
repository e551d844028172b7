import { putBounded } from '../../base/bounded-map.ts';
import { DAY_MS } from '../../base/time/units.ts';

/** Calendar fields of a file name. `month` counts from 1. */
interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Hours with the same offset at both ends have it throughout: no zone changes twice within them. */
const WINDOW_MS = 6 * 3_600_000;

/** By zone and by their beginning; null: the offset changes within. `Intl` takes longer than everything else about an event in a list. */
const windows = new Map<string, Map<number, number | null>>();

/** How far local time is ahead of UTC. @param zone IANA name, or undefined for the box's zone */
export function zoneOffsetMs(utcMs: number, zone: string | undefined): number {
  if (zone === undefined) {
    return -new Date(utcMs).getTimezoneOffset() * 60_000;
  }
  const fromMs = Math.floor(utcMs / WINDOW_MS) * WINDOW_MS;
  let ofZone = windows.get(zone);
  if (!ofZone) {
    ofZone = new Map();
    windows.set(zone, ofZone);
  }
  let offsetMs = ofZone.get(fromMs);
  if (offsetMs === undefined) {
    const beginMs = offsetIn(zone, fromMs);
    offsetMs = offsetIn(zone, fromMs + WINDOW_MS) === beginMs ? beginMs : null;
    // Those of a fortnight's timetable, with the days around it.
    putBounded(ofZone, fromMs, offsetMs, 256);
  }
  return offsetMs ?? offsetIn(zone, utcMs);
}

function offsetIn(zone: string, utcMs: number): number {
  const { year, month, day, hour, minute, second } = partsIn(zone, utcMs);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(utcMs / 1000) * 1000;
}

export function toLocalTime(utcMs: number, zone: string | undefined): LocalTime {
  const shifted = new Date(utcMs + zoneOffsetMs(utcMs, zone));
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
  };
}

/** Unix milliseconds. In autumn the first of the repeated hours; a skipped hour in spring continues the time before. */
export function fromLocalTime(local: LocalTime, zone: string | undefined): number {
  const asUtcMs = Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute, local.second);
  const beforeMs = zoneOffsetMs(asUtcMs - DAY_MS, zone);
  const afterMs = zoneOffsetMs(asUtcMs + DAY_MS, zone);
  const earlierMs = asUtcMs - Math.max(beforeMs, afterMs);
  if (beforeMs === afterMs || zoneOffsetMs(earlierMs, zone) === Math.max(beforeMs, afterMs)) {
    return earlierMs;
  }
  return asUtcMs - Math.min(beforeMs, afterMs);
}

function partsIn(zone: string, utcMs: number): LocalTime {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  return Object.fromEntries(
    format.formatToParts(utcMs).map((part) => [part.type, Number(part.value)]),
  ) as unknown as LocalTime;
}
