import { PerchError } from '../../base/errors.ts';
import { zoneOffsetMs } from '../../record/file/time-zone.ts';

const SHAPE = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(?:Z|([+ -])(\d{2}):(\d{2}))$/;

export interface ZonedTime {
  /** Unix microseconds, truncated. */
  readonly us: number;
  readonly offsetMs: number;
}

/** RFC 3339 with a mandatory zone; undefined if invalid. A blank stands for a plus sign decoded from a query. */
export function parseRfc3339(text: string): ZonedTime | undefined {
  const match = SHAPE.exec(text);
  if (!match) {
    return undefined;
  }
  const number = (i: number): number => Number(match[i] ?? 0);
  const date = new Date(Date.UTC(2000, 0, 1, number(4), number(5), number(6)));
  // Date.UTC maps years below 100 to the twentieth century; Go clients use the year 1 for "everything".
  date.setUTCFullYear(number(1), number(2) - 1, number(3));
  const isReal =
    date.getUTCMonth() + 1 === number(2) && date.getUTCDate() === number(3) && number(4) < 24 && number(5) < 60;
  if (!isReal || number(6) > 59 || number(9) > 23 || number(10) > 59) {
    return undefined;
  }
  const micros = Number((match[7] ?? '').padEnd(6, '0').slice(0, 6));
  const offsetMs = (number(9) * 60 + number(10)) * (match[8] === '-' ? -60_000 : 60_000);
  return { us: (date.getTime() - offsetMs) * 1000 + micros, offsetMs };
}

/** @param name for the message @throws PerchError badInput if invalid */
export function requireRfc3339(name: string, text: string): ZonedTime {
  const time = parseRfc3339(text);
  if (!time) {
    const problem = text === '' ? 'it is missing: write' : `'${text.slice(0, 64)}' is not`;
    throw new PerchError('badInput', `invalid ${name}: ${problem} a time such as 2026-01-31T14:05:00.5+01:00`);
  }
  return time;
}

/** As Go's RFC3339Nano: no trailing zeros in the fraction, `Z` for UTC. */
export function formatRfc3339({ us, offsetMs }: ZonedTime): string {
  const wholeMs = Math.floor(us / 1e6) * 1000;
  const local = new Date(wholeMs + offsetMs).toISOString().slice(0, 19);
  const micros = us - wholeMs * 1000;
  const fraction = micros === 0 ? '' : `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`;
  if (offsetMs === 0) {
    return `${local}${fraction}Z`;
  }
  const minutes = Math.abs(offsetMs) / 60_000;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${local}${fraction}${offsetMs < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** The local time of an instant. @param zone IANA name, or undefined for the box's zone */
export const formatLocalTime = (us: number, zone: string | undefined): string =>
  formatRfc3339({ us, offsetMs: zoneOffsetMs(Math.floor(us / 1000), zone) });
