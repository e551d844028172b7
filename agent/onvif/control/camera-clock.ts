import { isIPv4, isIPv6 } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { unlessBroken } from '../device/media.ts';
import type { OnvifSession } from '../device/session.ts';
import { cameraError } from '../soap/http/failures.ts';
import { writeXml } from '../soap/xml/write-xml.ts';
import { escapeXml, find, findText, plainLine } from '../soap/xml/xml.ts';
import type { CameraClock } from './control.ts';

/** Off by less than this is as good as right: it is told in whole seconds, and takes its time to come. */
export const CLOCK_TOLERANCE_MS = 5_000;
/** After it has been set. */
const SET_TOLERANCE_MS = 3_000;
const MAX_ZONE = 500;
const HOST = /^[a-z0-9](?:[a-z0-9.:-]{0,251}[a-z0-9])?$/i;

/** May begin with a colon; without a zone, which is the camera's own. */
const IPV6 = /^[\da-f:.]{2,45}$/i;

export async function readCameraClock(session: OnvifSession): Promise<CameraClock> {
  await session.readClock();
  const now = await readDateAndTime(session);
  const ntp = await unlessBroken(() => session.call('device', '<tds:GetNTP/>', 'GetNTPResponse'));
  const server = ['NTPManual', 'NTPFromDHCP'].flatMap((from) =>
    ['DNSname', 'IPv4Address', 'IPv6Address'].map((kind) => findText(ntp, 'NTPInformation', from, kind)),
  );
  return {
    skewMs: session.skewMs,
    source: plainLine(findText(now, 'SystemDateAndTime', 'DateTimeType')),
    ntpServer: plainLine(server.find((one) => one !== undefined)),
  };
}

/** Sets the camera's clock by ours, and asks it what time it is then. Its time zone and its summer time stay as they are. */
export async function setCameraClock(session: OnvifSession, clock: Clock): Promise<CameraClock> {
  const now = find(await readDateAndTime(session), 'SystemDateAndTime');
  const zone = find(now, 'TimeZone');
  const zoneText = zone ? writeXml(zone, { maxCharacters: MAX_ZONE, name: 'tds:TimeZone' }) : '';
  const hasSummerTime = findText(now, 'DaylightSavings')?.toLowerCase() === 'true';
  const utc = new Date(clock.wallMs());
  await session.call(
    'device',
    '<tds:SetSystemDateAndTime><tds:DateTimeType>Manual</tds:DateTimeType>' +
      `<tds:DaylightSavings>${hasSummerTime}</tds:DaylightSavings>${zoneText}<tds:UTCDateTime>` +
      `<tt:Time><tt:Hour>${utc.getUTCHours()}</tt:Hour><tt:Minute>${utc.getUTCMinutes()}</tt:Minute><tt:Second>${utc.getUTCSeconds()}</tt:Second></tt:Time>` +
      `<tt:Date><tt:Year>${utc.getUTCFullYear()}</tt:Year><tt:Month>${utc.getUTCMonth() + 1}</tt:Month><tt:Day>${utc.getUTCDate()}</tt:Day></tt:Date>` +
      '</tds:UTCDateTime></tds:SetSystemDateAndTime>',
    'SetSystemDateAndTimeResponse',
  );
  const set = await readCameraClock(session);
  if (Math.abs(set.skewMs) > SET_TOLERANCE_MS) {
    const words = `the camera has taken the time and is ${Math.round(set.skewMs / 1000)} s off all the same: look at its time zone and time server`;
    throw cameraError('badReply', words, { host: session.host, skewMs: set.skewMs });
  }
  return set;
}

/** Lets the camera ask a time server, and take its time from there. */
export async function setCameraNtp(session: OnvifSession, host: string): Promise<CameraClock> {
  if (!HOST.test(host) && !(IPV6.test(host) && isIPv6(host))) {
    throw new PerchError('badInput', `'${host.slice(0, 64)}' is not the name or address of a time server`);
  }
  const [type, element] = isIPv4(host)
    ? ['IPv4', 'IPv4Address']
    : isIPv6(host)
      ? ['IPv6', 'IPv6Address']
      : ['DNS', 'DNSname'];
  await session.call(
    'device',
    `<tds:SetNTP><tds:FromDHCP>false</tds:FromDHCP><tds:NTPManual><tt:Type>${type}</tt:Type>` +
      `<tt:${element}>${escapeXml(host)}</tt:${element}></tds:NTPManual></tds:SetNTP>`,
    'SetNTPResponse',
  );
  const now = find(await readDateAndTime(session), 'SystemDateAndTime');
  const hasSummerTime = findText(now, 'DaylightSavings')?.toLowerCase() === 'true';
  const zone = find(now, 'TimeZone');
  await session.call(
    'device',
    '<tds:SetSystemDateAndTime><tds:DateTimeType>NTP</tds:DateTimeType>' +
      `<tds:DaylightSavings>${hasSummerTime}</tds:DaylightSavings>` +
      `${zone ? writeXml(zone, { maxCharacters: MAX_ZONE, name: 'tds:TimeZone' }) : ''}</tds:SetSystemDateAndTime>`,
    'SetSystemDateAndTimeResponse',
  );
  return readCameraClock(session);
}

const readDateAndTime = (session: OnvifSession) =>
  session.call('device', '<tds:GetSystemDateAndTime/>', 'GetSystemDateAndTimeResponse');
