import { explain, PerchError } from '../../base/errors.ts';
import { IpList } from '../../base/ip-address.ts';
import { withoutZone } from '../../base/url-zone.ts';
import { parseAddress, parseIpRange } from '../values/address.ts';
import { parseCommandLine } from '../values/command-line.ts';
import { checkFreeSpace } from '../values/free-space.ts';
import { ffmpegCommand, isFfmpegSource } from './ffmpeg-source.ts';

/** Sources by the words and URL schemes of MediaMTX; `true` for those that Perch can open. */
const WORDS: Readonly<Record<string, boolean>> = { publisher: true, redirect: true, rpiCamera: false };
const SCHEMES: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...'rtsp rtsps rtsp+http rtsps+http rtsp+ws rtsps+ws'.split(' ').map((scheme): [string, boolean] => [scheme, true]),
  ['ffmpeg', true] as [string, boolean],
  ...'rtmp rtmps http https udp udp+mpegts unix+mpegts udp+rtp unix+rtp srt moqt whep wheps'
    .split(' ')
    .map((scheme): [string, boolean] => [scheme, false]),
]);
const EXPECTED_SOURCE = 'write publisher, redirect, or for example rtsp://192.168.1.20:554/stream';

/** What a source is called in messages: a URL's scheme, without the credentials behind it. */
export const sourceKind = (source: string): string => /^[a-z0-9+]{1,20}:\/\//i.exec(source)?.[0] ?? source.slice(0, 64);

export function isSupportedSource(source: string): boolean {
  const scheme = sourceKind(source).replace('://', '').toLowerCase();
  return (source.includes('://') ? SCHEMES[scheme] : WORDS[source]) === true;
}

/** Refuses what is no source at all. Messages never show the URL, because it holds the camera's password. */
function checkSource(text: string): string {
  if (Object.hasOwn(WORDS, text)) {
    return text;
  }
  const kind = sourceKind(text);
  if (!text.includes('://') || !Object.hasOwn(SCHEMES, kind.replace('://', '').toLowerCase())) {
    const shown = text.includes('@') ? 'the value' : `'${kind}'`;
    throw new PerchError('badInput', `${shown} is not a source: ${EXPECTED_SOURCE}`);
  }
  if (!isSupportedSource(text)) {
    return text;
  }
  if (isFfmpegSource(text)) {
    ffmpegCommand(text);
    return text;
  }
  checkRtspUrl(text, kind);
  return text;
}

/** Stands for what is known when the source is opened: a group of the path's regular expression, the reader's query. */
const SOURCE_VARIABLE = /\$(?:G\d{1,2}|MTX_QUERY)/g;

function checkRtspUrl(withVariables: string, kind: string): void {
  const text = withoutZone(withVariables.replace(SOURCE_VARIABLE, '1'));
  if (!URL.canParse(text) || new URL(text).hostname === '') {
    const hint = 'in a password write % as %25, / as %2F, # as %23, ? as %3F and @ as %40';
    throw new PerchError('badInput', `the ${kind} URL is not valid: ${EXPECTED_SOURCE}; ${hint}`);
  }
  const { username, password } = new URL(text);
  if ((username === '') !== (password === '')) {
    throw new PerchError(
      'badInput',
      'the URL has a user without password, or a password without user: both or neither',
    );
  }
}

/** Where readers are sent: `/name` on this server, or an RTSP URL. */
function checkRedirect(text: string): string {
  const isHere = /^\/[^\s/]\S*$/.test(text);
  const isElsewhere = /^rtsps?:\/\/\S+$/i.test(text) && URL.canParse(text) && new URL(text).hostname !== '';
  if (text !== '' && !isHere && !isElsewhere) {
    throw new PerchError('badInput', 'not where readers can be sent: write /name of a path, or an rtsp:// URL');
  }
  return text;
}

/** SHA-256 in hex, with colons between the bytes or without; as the program uses it: lower case, without. */
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

/** A server that is asked over HTTP; empty: none. Like all addresses it is shown, so it may hold no credentials. */
function checkAskedUrl(text: string): string {
  if (text !== '' && (!/^https?:\/\/[^\s@]+$/.test(text) || !URL.canParse(text))) {
    throw new PerchError(
      'badInput',
      'not an HTTP address without credentials: write for example http://127.0.0.1:9000/auth',
    );
  }
  return text;
}

/** What MediaMTX allows in a credential, and fits into a header. The message does not show it. */
function checkToken(text: string): string {
  if (!/^[\w!$()*+.;<=>[\]^{}@#&-]*$/.test(text)) {
    throw new PerchError('badInput', 'the secret has other characters than A-Z a-z 0-9 and !$()*+.;<=>[]^_-{}@#&');
  }
  return text;
}

/** A label of a host's name, with room for a number behind it. */
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

/** A moment, RFC 3339. */
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

/** What a text must look like, by the schema's `syntax`; each returns it in the form that the program uses. */
const CHECKS: Readonly<Record<string, (text: string) => string>> = {
  address: checkAddress,
  freeSpace: checkFreeSpace,
  ipRange: parseIpRange,
  multicastRange: checkMulticastRange,
  source: checkSource,
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

/** The value of `read`, or its refusal as a text. Other failures are bugs and pass. */
export function attempt<T>(read: () => T): { readonly value: T } | { readonly fault: string } {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof PerchError) {
      return { fault: explain(error) };
    }
    throw error;
  }
}
