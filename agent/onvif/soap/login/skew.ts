import type { XmlElement } from '@rgrove/parse-xml';
import type { HttpReply } from '../http/http-exchange.ts';
import { find, findNumber } from '../xml/xml.ts';

/** The camera has cut its time to whole seconds: on average it is half a second further. */
const HALF_A_SECOND_MS = 500;
/** A clock without a battery says 1970. What is beyond is no time, and no date at all once ours is added to it (ECMA-262 §21.4.1.1). */
export const MAX_SKEW_MS = 100 * 366 * 86_400_000;

/**
 * How far the camera's clock is ahead of ours, in milliseconds; undefined when it does not tell its time in UTC
 * (some boards leave UTCDateTime out).
 * @param unixMs our time in the middle of the call
 */
export function skewOf(response: XmlElement, unixMs: number): number | undefined {
  const utc = find(response, 'SystemDateAndTime', 'UTCDateTime');
  const cameraMs = Date.UTC(
    findNumber(utc, 'Date', 'Year') ?? Number.NaN,
    (findNumber(utc, 'Date', 'Month') ?? Number.NaN) - 1,
    findNumber(utc, 'Date', 'Day'),
    findNumber(utc, 'Time', 'Hour'),
    findNumber(utc, 'Time', 'Minute'),
    findNumber(utc, 'Time', 'Second'),
  );
  return skewBetween(cameraMs, unixMs);
}

/** The same out of the HTTP header `Date`, which a refusal has too. */
export function skewOfHeader({ headers }: Pick<HttpReply, 'headers'>, unixMs: number): number | undefined {
  const cameraMs = Date.parse(headers['date']?.[0] ?? '');
  return skewBetween(cameraMs, unixMs);
}

function skewBetween(cameraMs: number, unixMs: number): number | undefined {
  const skewMs = Math.round(cameraMs + HALF_A_SECOND_MS - unixMs);
  return Math.abs(skewMs) <= MAX_SKEW_MS ? skewMs : undefined;
}
