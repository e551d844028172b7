import type { XmlElement } from '@rgrove/parse-xml';
import { find, findNumber } from '../soap/xml.ts';

/**
 * How far the camera's clock is ahead of ours, in milliseconds; 0 when the camera does not tell its time in UTC
 * (some boards leave UTCDateTime out).
 * @param unixMs our time in the middle of the call
 */
export function skewOf(response: XmlElement, unixMs: number): number {
  const utc = find(response, 'SystemDateAndTime', 'UTCDateTime');
  const cameraMs = Date.UTC(
    findNumber(utc, 'Date', 'Year') ?? Number.NaN,
    (findNumber(utc, 'Date', 'Month') ?? Number.NaN) - 1,
    findNumber(utc, 'Date', 'Day'),
    findNumber(utc, 'Time', 'Hour'),
    findNumber(utc, 'Time', 'Minute'),
    findNumber(utc, 'Time', 'Second'),
  );
  // The camera has cut its time to whole seconds: on average it is half a second further.
  return Number.isNaN(cameraMs) ? 0 : Math.round(cameraMs + 500 - unixMs);
}
