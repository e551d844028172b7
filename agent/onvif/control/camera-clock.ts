import { isIPv4, isIPv6 } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { cameraError, unlessFault } from '../soap/http/failures.ts';
import { writeXml } from '../soap/xml/write-xml.ts';
import { escapeXml, find, findText, plainLine } from '../soap/xml/xml.ts';

/** Accepted offset of a camera's clock: cameras report whole seconds, and the reply takes time. */
export const CLOCK_TOLERANCE_MS = 5_000;
/** Accepted offset after the clock was set. */
const SET_TOLERANCE_MS = 3_000;
const HOST = /^[a-z0-9](?:[a-z0-9.:-]{0,251}[a-z0-9])?$/i;
/** IPv6 address without a zone, which would be local to the camera. It may begin with a colon. */
const IPV6 = /^[\da-f:.]{2,45}$/i;

export interface CameraClock {
  /** The camera's clock minus ours. */
  readonly skewMs: number;
  /** `Manual`, `NTP`, or the camera's own word. */
  readonly source: string | undefined;
  /** The camera's time server, if it names one. */
  readonly ntpServer: string | undefined;
}

export async function readCameraClock(session: OnvifSession): Promise<CameraClock> {
  await session.readClock();
  const now = await readDateAndTime(session);
  const ntp = await unlessFault(session.call('device', '<tds:GetNTP/>', 'GetNTPResponse'));
  const server = ['NTPManual', 'NTPFromDHCP'].flatMap((from) =>
    ['DNSname', 'IPv4Address', 'IPv6Address'].map((kind) => findText(ntp, 'NTPInformation', from, kind)),
  );
  return {
    skewMs: session.skewMs,
    source: plainLine(findText(now, 'SystemDateAndTime', 'DateTimeType')),
    ntpServer: plainLine(server.find((one) => one !== undefined)),
  };
}

/** Sets the camera's clock from ours and reads it back. Time zone and daylight saving stay. */
export async function setCameraClock(session: OnvifSession, clock: Clock): Promise<CameraClock> {
  const settings = await readZone(session);
  const utc = new Date(clock.wallMs());
  await session.call(
    'device',
    '<tds:SetSystemDateAndTime><tds:DateTimeType>Manual</tds:DateTimeType>' +
      `${settings}<tds:UTCDateTime>` +
      `<tt:Time><tt:Hour>${utc.getUTCHours()}</tt:Hour><tt:Minute>${utc.getUTCMinutes()}</tt:Minute><tt:Second>${utc.getUTCSeconds()}</tt:Second></tt:Time>` +
      `<tt:Date><tt:Year>${utc.getUTCFullYear()}</tt:Year><tt:Month>${utc.getUTCMonth() + 1}</tt:Month><tt:Day>${utc.getUTCDate()}</tt:Day></tt:Date>` +
      '</tds:UTCDateTime></tds:SetSystemDateAndTime>',
    'SetSystemDateAndTimeResponse',
  );
  const set = await readCameraClock(session);
  if (Math.abs(set.skewMs) > SET_TOLERANCE_MS) {
    const words = `the camera accepted the time but is still ${Math.round(set.skewMs / 1000)} s off: check its time zone and time server`;
    throw cameraError('badReply', words, { host: session.host, skewMs: set.skewMs });
  }
  return set;
}

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
  const settings = await readZone(session);
  await session.call(
    'device',
    `<tds:SetSystemDateAndTime><tds:DateTimeType>NTP</tds:DateTimeType>${settings}</tds:SetSystemDateAndTime>`,
    'SetSystemDateAndTimeResponse',
  );
  return readCameraClock(session);
}

const readDateAndTime = (session: OnvifSession) =>
  session.call('device', '<tds:GetSystemDateAndTime/>', 'GetSystemDateAndTimeResponse');

/** The present daylight saving and time zone, as elements of SetSystemDateAndTime. */
async function readZone(session: OnvifSession): Promise<string> {
  const now = find(await readDateAndTime(session), 'SystemDateAndTime');
  const zone = find(now, 'TimeZone');
  const hasSummerTime = findText(now, 'DaylightSavings')?.toLowerCase() === 'true';
  const zoneText = zone ? writeXml(zone, { maxCharacters: 500, name: 'tds:TimeZone' }) : '';
  return `<tds:DaylightSavings>${hasSummerTime}</tds:DaylightSavings>${zoneText}`;
}
