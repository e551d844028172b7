import { isAbsolute, normalize } from 'node:path';
import { domainToASCII } from 'node:url';
import { PerchError } from '../../base/errors.ts';
import { redact } from '../../base/log.ts';
import { IpList, withoutZone } from '../../base/network/ip-address.ts';
import { splitUrl } from '../../base/network/url-parts.ts';
import { parseAddress, parseIpRange } from '../values/address.ts';
import { parseCommandLine } from '../values/command-line.ts';
import { checkFreeSpace } from '../values/free-space.ts';
import { isHours } from '../values/hours.ts';
import { checkLinkRate } from '../values/link-rate.ts';
import { formatPolygon, formatZone, parsePolygon, parseZone } from '../values/polygon.ts';

/** SHA-256 in hex, with or without colons; canonical: lower case, without. */
function checkFingerprint(text: string): string {
  const hex = text.replaceAll(':', '').toLowerCase();
  if (hex !== '' && !/^[0-9a-f]{64}$/.test(hex)) {
    throw new PerchError('badInput', `'${text.slice(0, 100)}' is not the SHA-256 of a certificate: 64 hex digits`);
  }
  return hex;
}

// RFC 5771 §3.
const MULTICAST = new IpList(['224.0.0.0/4']);
const MULTICAST_BITS = 4;

function checkMulticastRange(text: string): string {
  const range = parseIpRange(text);
  const [ip = '', bits] = range.split('/');
  if (!MULTICAST.has(ip) || Number(bits) < MULTICAST_BITS) {
    throw new PerchError(
      'badInput',
      `'${range}' is not a range of IPv4 multicast addresses: write for example 224.1.0.0/16`,
    );
  }
  return range;
}

/** A label of a host name, with room for a number. */
function checkHostLabel(text: string): string {
  const label = text.toLowerCase().replace(/\.local\.?$/, '');
  if (!/^(?=.{1,58}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(label)) {
    throw new PerchError(
      'badInput',
      `'${text.slice(0, 64)}' is not a host name: a-z, 0-9 and -, at most 58 characters`,
    );
  }
  return label;
}

// RFC 1123 §2.1; names of another script as IDNA writes them.
const DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/;

function checkDomain(text: string): string {
  const name = domainToASCII(text.trim().replace(/\.$/, ''));
  if (!DOMAIN.test(name)) {
    throw new PerchError('badInput', `'${text.slice(0, 64)}' is not a host name: write for example cloud.example.org`);
  }
  return name;
}

function checkAddress(text: string): string {
  parseAddress(text);
  return text;
}

function checkCommand(text: string): string {
  const command = text.trim();
  if (command !== '') {
    parseCommandLine(command);
  }
  return command;
}

/** A check that returns valid texts unchanged. @param fault message for an invalid one, of which it gets the beginning */
const unchanged =
  (isValid: (text: string) => boolean, fault: (shown: string) => string) =>
  (text: string): string => {
    if (!isValid(text)) {
      throw new PerchError('badInput', fault(redact(text).slice(0, 64)));
    }
    return text;
  };

const isHttpUrl = (text: string): boolean => /^https?:\/\/[^\s@]+$/.test(text) && URL.canParse(text);
const isBrokerUrl = (text: string): boolean =>
  /^mqtts?:\/\/[^\s@/?#]+\/?$/.test(text) && URL.canParse(text) && new URL(text).hostname !== '';
const isNatsUrl = (text: string): boolean =>
  /^tls:\/\/[^\s@/?#,]+$/.test(text) && URL.canParse(text) && new URL(text).hostname !== '';
const isFolder = (text: string): boolean => isAbsolute(text) && normalize(text) === text && !text.includes('\0');
const isRtspUrl = (text: string): boolean => /^rtsps?:\/\/\S+$/i.test(text) && (splitUrl(text)?.host ?? '') !== '';

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** Checks by the schema's `syntax`; each returns the canonical text. `source` is checked by `checkSource`. */
const CHECKS: Readonly<Record<string, (text: string) => string>> = {
  address: checkAddress,
  freeSpace: checkFreeSpace,
  linkRate: checkLinkRate,
  ipRange: parseIpRange,
  multicastRange: checkMulticastRange,
  fingerprint: checkFingerprint,
  command: checkCommand,
  hostLabel: checkHostLabel,
  domain: checkDomain,
  email: unchanged(
    (text) => text === '' || (text.length <= 254 && /^[^\s@<>,;:?"]+@[^\s@<>,;:?"]+\.[^\s@<>,;:?"]+$/.test(text)),
    (shown) => `'${shown}' is not an e-mail address`,
  ),
  // `/name` of a path of this server, or an RTSP URL.
  redirect: unchanged(
    (text) => text === '' || /^\/[^\s/]\S*$/.test(text) || isRtspUrl(text),
    () => 'not a redirect target: write /name of a path, or an rtsp:// URL',
  ),
  iceUrl: unchanged(
    (text) => /^(stun|turns?):\S+$/.test(text),
    (shown) => `'${shown}' is not an ICE server: write for example stun:192.168.1.2:3478`,
  ),
  httpUrl: unchanged(
    (text) => isHttpUrl(withoutZone(text)),
    () => 'not an HTTP address without credentials: write for example http://192.168.1.20/onvif/device_service',
  ),
  // A server that Perch sends requests to. The API shows the address, so it has no credentials.
  askedUrl: unchanged(
    (text) => text === '' || isHttpUrl(text),
    () => 'not an HTTP address without credentials: write for example http://127.0.0.1:9000/auth',
  ),
  // The API shows the address, so it has no credentials.
  brokerUrl: unchanged(
    (text) => text === '' || isBrokerUrl(text),
    () => 'not the address of an MQTT broker without credentials: write for example mqtt://192.168.1.10:1883',
  ),
  // The servers of one cluster. The credentials are in a file of their own.
  natsUrl: unchanged(
    (text) => text === '' || text.split(',').every(isNatsUrl),
    () =>
      'not the address of a NATS server with TLS: write for example tls://nats.example.com:4222, several with commas',
  ),
  boxAddress: unchanged(
    (text) => text === '' || /^(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/.test(text),
    (shown) => `'${shown}' is not a host with a port: write for example server1.example.com:443`,
  ),
  // MQTT 3.1.1 §4.7: no wildcards, no topics of the broker.
  topic: unchanged(
    (text) => /^[\w.-]+(?:\/[\w.-]+)*$/.test(text) && text.length <= 100,
    (shown) => `'${shown}' is not the beginning of a topic: letters, digits, '.', '_' and '-', with slashes between`,
  ),
  // MediaMTX's characters of a credential, which the message does not show.
  token: unchanged(
    (text) => /^[\w!$()*+.;<=>[\]^{}@#&-]*$/.test(text),
    () => 'the secret contains characters other than A-Z a-z 0-9 and !$()*+.;<=>[]^_-{}@#&',
  ),
  // S3's rules, and those of servers that allow more.
  bucket: unchanged(
    (text) => text === '' || /^[A-Za-z0-9][\w.-]{1,61}[A-Za-z0-9]$/.test(text),
    (shown) => `'${shown}' is not the name of a bucket: 3 to 63 letters, digits, '.', '_' and '-'`,
  ),
  objectPrefix: unchanged(
    (text) =>
      text === '' ||
      (/^[\w.-]+(?:\/[\w.-]+)*$/.test(text) && text.length <= 200 && !/(?:^|\/)\.\.?(?:\/|$)/.test(text)),
    (shown) => `'${shown}' is not the beginning of a name: letters, digits, '.', '_' and '-', with slashes between`,
  ),
  region: unchanged(
    (text) => /^[A-Za-z0-9-]{1,64}$/.test(text),
    (shown) => `'${shown}' is not a region: write for example eu-central-1`,
  ),
  folder: unchanged(
    (text) => text === '' || isFolder(text),
    (shown) => `'${shown}' is not the whole path of a folder: write for example /mnt/nas/cameras`,
  ),
  hours: unchanged(isHours, (shown) => `'${shown}' are not hours: write for example 22:00-06:00`),
  polygon: (text) => formatPolygon(parsePolygon(text)),
  zone: (text) => formatZone(parseZone(text)),
  timeOfDay: unchanged(
    (text) => /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(text),
    (shown) => `'${shown}' is not a time of day: write for example 07:30`,
  ),
  timeZone: unchanged(
    (text) => text === '' || isTimeZone(text),
    (shown) => `'${shown}' is not a time zone: write for example Europe/Vienna`,
  ),
  time: unchanged(
    (text) => RFC_3339.test(text) && !Number.isNaN(Date.parse(text)),
    (shown) => `'${shown}' is not a time: write for example 2026-01-31T18:00:00Z`,
  ),
};

export const checkSyntax = (syntax: string, text: string): string => CHECKS[syntax]?.(text) ?? text;
