import Type from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../base/time/units.ts';
import type { DurationText } from './quantity.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  d: DAY_MS,
  h: HOUR_MS,
  m: MINUTE_MS,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};
/** Whole days first, then hours to nanoseconds with or without a fraction, as MediaMTX reads them. */
const WHOLE = /^(?=.)(\d{1,9}d)?(\d{1,15}(\.\d{1,15})?(h|ms|m|s|us|\u00b5s|ns))*$/;

/** Milliseconds of a text such as `10s`, `1h30m` or `1d12h`. Empty is zero: zero is shown as an empty text. */
export function parseDuration(text: string): number {
  if (text === '' || text === '0') {
    return 0;
  }
  if (text.length > 64 || !WHOLE.test(text)) {
    throw new PerchError(
      'badInput',
      `'${text.slice(0, 64)}' is not a duration: write for example 200ms, 10s, 1h30m or 7d`,
    );
  }
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|us|\u00b5s|ns|[dhms])/g)) {
    ms += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  if (ms > 36_500 * DAY_MS) {
    throw new PerchError('badInput', `'${text}' is longer than the limit of 36500d`);
  }
  return ms;
}

/** The text that MediaMTX shows for a duration: `1d`, `1h0m0s`, `10s`, `200ms`, empty for zero. */
export function formatDuration(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  const rest = ms - days * DAY_MS;
  return (days > 0 ? `${days}d` : '') + (rest > 0 ? formatClockPart(rest) : '');
}

function formatClockPart(ms: number): string {
  if (ms < 1) {
    return `${trimmed(ms * 1_000)}µs`;
  }
  if (ms < 1_000) {
    return `${trimmed(ms)}ms`;
  }
  const hours = Math.floor(ms / HOUR_MS);
  const minutes = Math.floor((ms % HOUR_MS) / MINUTE_MS);
  const seconds = `${trimmed((ms % MINUTE_MS) / 1_000)}s`;
  if (hours > 0) {
    return `${hours}h${minutes}m${seconds}`;
  }
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

const trimmed = (value: number): string => String(Number(value.toFixed(6)));

export const Duration = (defaultText: string, description: string, keywords = {}) =>
  Type.Unsafe<DurationText>(Type.String({ unit: 'Ms', default: defaultText, description, ...keywords }));
