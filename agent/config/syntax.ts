import { explain, PerchError } from '../base/errors.ts';
import { parseAddress, parseIpRange } from './address.ts';

/** Sources by the words and URL schemes of MediaMTX; `true` for those that Perch can open. */
const WORDS: Readonly<Record<string, boolean>> = { publisher: true, redirect: false, rpiCamera: false };
const SCHEMES: Readonly<Record<string, boolean>> = Object.fromEntries([
  ['rtsp', true],
  ...'rtsps rtsp+http rtsps+http rtsp+ws rtsps+ws rtmp rtmps http https udp udp+mpegts unix+mpegts udp+rtp unix+rtp srt moqt whep wheps'
    .split(' ')
    .map((scheme): [string, boolean] => [scheme, false]),
]);
const EXPECTED_SOURCE = 'write publisher, or for example rtsp://192.168.1.20:554/stream';

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
  return text;
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
  if (!/^https?:\/\/[^\s@]+$/.test(text) || !URL.canParse(text)) {
    throw new PerchError(
      'badInput',
      'not an HTTP address without credentials: write for example http://192.168.1.20/onvif/device_service',
    );
  }
  return text;
}

function checkAddress(text: string): string {
  parseAddress(text);
  return text;
}

/** What a text must look like, by the schema's `syntax`; each returns it in the form that the program uses. */
const CHECKS: Readonly<Record<string, (text: string) => string>> = {
  address: checkAddress,
  ipRange: parseIpRange,
  source: checkSource,
  iceUrl: checkIceUrl,
  httpUrl: checkHttpUrl,
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
