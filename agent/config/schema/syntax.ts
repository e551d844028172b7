import { PerchError } from '../../base/errors.ts';
import { IpList, withoutZone } from '../../base/ip-address.ts';
import { parseAddress, parseIpRange } from '../values/address.ts';
import { parseCommandLine } from '../values/command-line.ts';
import { checkFreeSpace } from '../values/free-space.ts';

/** Where readers are sent: `/name` on this server, or an RTSP URL. */
function checkRedirect(text: string): string {
  const isHere = /^\/[^\s/]\S*$/.test(text);
  const isElsewhere = /^rtsps?:\/\/\S+$/i.test(text) && URL.canParse(text) && new URL(text).hostname !== '';
  if (text !== '' && !isHere && !isElsewhere) {
    throw new PerchError('badInput', 'not where readers can be sent: write /name of a path, or an rtsp:// URL');
  }
  return text;
}

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

function checkIceUrl(text: string): string {
  if (!/^(stun|turns?):\S+$/.test(text)) {
    throw new PerchError(
      'badInput',
      `'${text.slice(0, 64)}' is not an ICE server: write for example stun:192.168.1.2:3478`,
    );
  }
  return text;
}

function checkHttpUrl(text: string): string {
  if (!/^https?:\/\/[^\s@]+$/.test(text) || !URL.canParse(withoutZone(text))) {
    throw new PerchError(
      'badInput',
      'not an HTTP address without credentials: write for example http://192.168.1.20/onvif/device_service',
    );
  }
  return text;
}

/** A server that Perch sends requests to; empty: none. The API shows addresses, so this one has no credentials. */
function checkAskedUrl(text: string): string {
  if (text !== '' && (!/^https?:\/\/[^\s@]+$/.test(text) || !URL.canParse(text))) {
    throw new PerchError(
      'badInput',
      'not an HTTP address without credentials: write for example http://127.0.0.1:9000/auth',
    );
  }
  return text;
}

/** MediaMTX's characters of a credential. The message does not show it. */
function checkToken(text: string): string {
  if (!/^[\w!$()*+.;<=>[\]^{}@#&-]*$/.test(text)) {
    throw new PerchError('badInput', 'the secret has other characters than A-Z a-z 0-9 and !$()*+.;<=>[]^_-{}@#&');
  }
  return text;
}

/** A label of a host name, with room for a number. */
function checkHostLabel(text: string): string {
  const label = text.toLowerCase().replace(/\.local\.?$/, '');
  if (!/^(?=.{1,58}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(label)) {
    throw new PerchError('badInput', `'${text.slice(0, 64)}' is no name of a host: a-z, 0-9 and -, at most 58`);
  }
  return label;
}

function checkAddress(text: string): string {
  parseAddress(text);
  return text;
}

/** RFC 3339. */
function checkTime(text: string): string {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text) || Number.isNaN(Date.parse(text))) {
    throw new PerchError('badInput', `'${text.slice(0, 64)}' is not a time: write for example 2026-01-31T18:00:00Z`);
  }
  return text;
}

function checkCommand(text: string): string {
  const command = text.trim();
  if (command !== '') {
    parseCommandLine(command);
  }
  return command;
}

/** Checks by the schema's `syntax`; each returns the canonical text. `source` is checked by `checkSource`. */
const CHECKS: Readonly<Record<string, (text: string) => string>> = {
  address: checkAddress,
  freeSpace: checkFreeSpace,
  ipRange: parseIpRange,
  multicastRange: checkMulticastRange,
  redirect: checkRedirect,
  fingerprint: checkFingerprint,
  iceUrl: checkIceUrl,
  httpUrl: checkHttpUrl,
  askedUrl: checkAskedUrl,
  token: checkToken,
  command: checkCommand,
  hostLabel: checkHostLabel,
  time: checkTime,
};

export const checkSyntax = (syntax: string, text: string): string => CHECKS[syntax]?.(text) ?? text;
