import { fromLocalTime } from '../../../record/file/time-zone.ts';

/** `2026-01-31/18/front/05.10.mp4`, in UTC. */
const FRIGATE = /(?:^|\/)(\d{4})-(\d{2})-(\d{2})\/(\d{2})\/([^/]+)\/(\d{2})\.(\d{2})\.mp4$/;
/** `2026-01-31_18-05-10-123456`, `20260131T180510Z`, `2026-01-31 18.05.10`, anywhere in the name of the file. */
const DATED =
  /(?<!\d)(20\d{2})[-_.]?(\d{2})[-_.]?(\d{2})[-_ T.]{0,3}(\d{2})[-_:.h]?(\d{2})[-_:.m]?(\d{2})(?:[-_.,](\d{6}|\d{3}))?(?:(Z)|([+-]\d{2}):?(\d{2}))?(?!\d)/;
const EPOCH_SECONDS = /(?<!\d)(1\d{9})(?:[.-](\d{6}))?(?!\d)/;

interface NameTime {
  /** Unix microseconds. */
  readonly startUs: number;
  /** Frigate's name of the camera, or undefined if the name is not from Frigate's folders. */
  readonly camera: string | undefined;
}

/**
 * The start of a recording by its name, or undefined if the name has no time.
 * @param name below the folder that is imported
 * @param zone IANA name of local times, or undefined for the box's zone
 */
export function timeOfName(name: string, zone?: string): NameTime | undefined {
  const [, year, month, day, hour, camera, minute, second] = FRIGATE.exec(name) ?? [];
  if (camera !== undefined) {
    const startUs = startOf([year, month, day, hour, minute, second], 0);
    return startUs === undefined ? undefined : { startUs, camera };
  }
  const file = name.slice(name.lastIndexOf('/') + 1);
  const dated = DATED.exec(file);
  if (dated) {
    const [fraction = '', utc, hours, minutes] = dated.slice(7);
    const sign = hours?.startsWith('-') ? -1 : 1;
    const offset = hours === undefined ? undefined : Number(hours) * 60 + sign * Number(minutes);
    const startUs = startOf(dated.slice(1, 7), utc === undefined ? offset : 0, zone);
    return startUs === undefined
      ? undefined
      : { startUs: startUs + Number(fraction.padEnd(6, '0')), camera: undefined };
  }
  const [, seconds, micros = '0'] = EPOCH_SECONDS.exec(file) ?? [];
  return seconds === undefined ? undefined : { startUs: Number(seconds) * 1e6 + Number(micros), camera: undefined };
}

/** @param offsetMinutes undefined for local time @returns undefined for a date that does not exist */
function startOf(
  texts: readonly (string | undefined)[],
  offsetMinutes: number | undefined,
  zone?: string,
): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = texts.map(Number);
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date normalizes an invalid date, so it reads back differently.
  const isDate = utc.getUTCMonth() + 1 === month && utc.getUTCDate() === day;
  if (!isDate || hour > 23 || minute > 59 || second > 59) {
    return undefined;
  }
  const ms =
    offsetMinutes === undefined
      ? fromLocalTime({ year, month, day, hour, minute, second }, zone)
      : utc.getTime() - offsetMinutes * 60_000;
  return ms * 1000;
}
