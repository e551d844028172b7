import type { XmlElement } from '@rgrove/parse-xml';
import type { OnvifSession } from '../../../onvif/device/onvif-session.ts';
import { unlessFault } from '../../../onvif/soap/http/failures.ts';
import { find, findNumber, findText } from '../../../onvif/soap/xml/xml.ts';

const HOUR_MS = 3_600_000;
/** Offset of POSIX TZ, west of Greenwich: `CST-8`, `<+0330>-3:30`, `EST5EDT,M3.2.0,M11.1.0`. The name of summer time follows. */
const POSIX_TZ = /^(?:[a-z]{3,10}|<[a-z\d+-]{3,10}>)([+-]?)(\d{1,2})(?::(\d{2}))?(?::\d{2})?([a-z<].*)?$/i;
/** The two times of a reply are one moment, in whole seconds. */
const TOLERANCE_MS = 2_000;
const QUARTER_HOUR_MS = 15 * 60_000;

/** How far local time of the device is from UTC, by its clock. Several: the time zone is stated, and not whether it is summer there. */
export async function readZones(session: OnvifSession): Promise<readonly number[]> {
  const call = session.call('device', '<tds:GetSystemDateAndTime/>', 'GetSystemDateAndTimeResponse');
  return zonesOf(await unlessFault(call));
}

/** @param response GetSystemDateAndTimeResponse, ONVIF Core §8.3.2 */
export function zonesOf(response: XmlElement | undefined): readonly number[] {
  const now = find(response, 'SystemDateAndTime');
  const aheadMs = momentOf(find(now, 'LocalDateTime')) - momentOf(find(now, 'UTCDateTime'));
  const zoneMs = Math.round(aheadMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
  if (Math.abs(aheadMs - zoneMs) <= TOLERANCE_MS) {
    return Math.abs(zoneMs) <= 15 * HOUR_MS ? [zoneMs] : [];
  }
  return offsetsOf(findText(now, 'TimeZone', 'TZ') ?? '');
}

/** @param text POSIX TZ @returns milliseconds ahead of UTC, without and with summer time, if it has one; none: not understood */
export function offsetsOf(text: string): readonly number[] {
  const [, sign, hours, minutes = '0', summer] = POSIX_TZ.exec(text.slice(0, 200)) ?? [];
  if (hours === undefined || Number(hours) > 15 || Number(minutes) > 59) {
    return [];
  }
  const westMs = Number(hours) * HOUR_MS + Number(minutes) * 60_000;
  const zoneMs = sign === '-' ? westMs : 0 - westMs;
  return summer === undefined ? [zoneMs] : [zoneMs, zoneMs + HOUR_MS];
}

function momentOf(element: XmlElement | undefined): number {
  const part = (...names: string[]) => findNumber(element, ...names) ?? Number.NaN;
  const [year, month, day] = [part('Date', 'Year'), part('Date', 'Month') - 1, part('Date', 'Day')];
  return Date.UTC(year, month, day, part('Time', 'Hour'), part('Time', 'Minute'), part('Time', 'Second'));
}
