import { urlOf } from '../../api-client/urls.ts';
import { readableName } from '../camera.ts';
import type { CameraLogin } from './adoption.ts';

/** A camera or a network, as a person types it into one field. */
export type TypedAddress =
  /** A device to identify: `192.168.1.20`, `camera.local:8554`. */
  | { readonly kind: 'host'; readonly text: string; readonly login: CameraLogin | undefined }
  /** A network to search: `192.168.1.0/24`. */
  | { readonly kind: 'range'; readonly text: string }
  /** A stream by a protocol other than RTSP; `text` has the login. */
  | { readonly kind: 'source'; readonly text: string; readonly title: string; readonly needsSdp: boolean }
  /** An RTSP address, or that of an ONVIF service; `text` is without the login. */
  | {
      readonly kind: 'stream' | 'onvif';
      readonly text: string;
      readonly url: URL;
      readonly login: CameraLogin | undefined;
    };

/** The box connects to an ONVIF service by its address only. */
const IP = /^(?:[\d.]+|\[.*\])$/;
const RANGE = /^[\d.]+\/\d{1,2}$/;
/** The login ends at the last @ before the first slash, because a password may contain others. */
const PARTS = /^(?:([a-z][a-z\d+.-]*):\/\/)?(?:([^/?#:]*|[^/?#:]*:[^/]*)@)?(.*)$/i;

/** Undefined: not an address of a camera. */
export function parseTyped(typed: string): TypedAddress | undefined {
  const text = typed.trim();
  if (RANGE.test(text)) {
    return { kind: 'range', text };
  }
  const source = parseSource(text);
  if (source) {
    return source;
  }
  const [, scheme, user, asTyped = ''] = PARTS.exec(text) ?? [];
  // A blank would end the address in a request.
  const rest = /[/?#]/.test(asTyped) ? asTyped.replace(/ /g, '%20') : asTyped;
  const login = user === undefined ? undefined : loginOf(user);
  // Some browsers of the last three years do not parse the host of an RTSP URL.
  const url = urlOf(`http://${rest}`);
  if (rest === '' || /\s/.test(rest) || (!url && scheme !== undefined)) {
    return undefined;
  }
  const hasPath = url !== undefined && `${url.pathname}${url.search}` !== '/';
  if (scheme === undefined && !hasPath) {
    return { kind: 'host', text: rest.replace(/\/$/, ''), login };
  }
  if (!url) {
    return undefined;
  }
  if (/^https?$/i.test(scheme ?? '')) {
    return hasPath && IP.test(url.hostname)
      ? { kind: 'onvif', text: `${scheme}://${rest}`, url, login }
      : { kind: 'host', text: url.host, login };
  }
  return /^rtsps?(?:\+(?:http|ws))?$/i.test(scheme ?? 'rtsp')
    ? { kind: 'stream', text: `${scheme ?? 'rtsp'}://${rest}`, url, login }
    : undefined;
}

const OTHER_SCHEMES = /^(?:rtmps?|srt|wheps?|(?:udp|unix)\+(?:mpegts|rtp)|udp):\/\/./i;
/** HLS. */
const PLAYLIST = /^https?:\/\/[^/?#]+\/[^?#]*\.m3u8(?:[?#]|$)/i;
const LOCAL_SOCKET = /^unix\+/i;

function parseSource(typed: string): TypedAddress | undefined {
  const text = typed.replace(/ /g, '%20');
  if (/\s/.test(text) || !(OTHER_SCHEMES.test(text) || PLAYLIST.test(text))) {
    return undefined;
  }
  const needsSdp = isRtpSource(text);
  const afterScheme = text.replace(/^[^:]+:/, '');
  if (LOCAL_SOCKET.test(text)) {
    const file = afterScheme.split('/').at(-1) ?? '';
    return { kind: 'source', text, title: readableName(file.replace(/\.\w+$/, '')), needsSdp };
  }
  const url = urlOf(`http:${afterScheme}`);
  if (!url) {
    return undefined;
  }
  if (/^udp/i.test(text)) {
    return { kind: 'source', text, title: `UDP ${url.port}`, needsSdp };
  }
  const stream = url.searchParams.get('streamid')?.split(':').at(-1);
  const titled = new URL(
    `http://${url.host}/${stream ?? url.pathname.replace(/\/(?:whep|index\.m3u8)$/, '').slice(1)}`,
  );
  return { kind: 'source', text, title: streamTitle(titled), needsSdp };
}

/** Whether the source is RTP without a session description, which then has to be typed. */
export const isRtpSource = (text: string): boolean => /^\s*(?:udp|unix)\+rtp:/i.test(text);

function loginOf(text: string): CameraLogin {
  const [, user = '', password = ''] = /^([^:]*):?(.*)$/.exec(text) ?? [];
  return { user: plain(user), password: plain(password) };
}

function plain(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** Channel number in the stream addresses of recorders, by maker. */
const CHANNELS: readonly (readonly [maker: string, pattern: RegExp])[] = [
  ['Hikvision', /\/Streaming\/(?:Unicast\/)?Channels\/0*(\d+)0[1-4]\b/i],
  ['Dahua', /\/cam\/realmonitor\?(?:.*&)?channel=0*(\d+)/i],
  ['Reolink', /\/(?:h26[45])?Preview_0*(\d+)_/i],
  ['Uniview', /\/unicast\/c(\d+)\//i],
  ['', /[?&/_-]ch(?:annel)?[=_-]?0*([1-9]\d*)(?!\d)/i],
];
/** Words of a path that say which stream it is, not which camera. */
const STREAM_WORD =
  /^(?:live|main|sub|stream|video|media|profile|onvif|h26[45]|audio|av|camera|cam|channel|ch|rtsp|tunnel|mpeg|track|unicast|s|[\d_.-])+$/i;

/** What a camera is called by its stream address: several at one host differ. */
export function streamTitle({ hostname, pathname, search }: URL): string {
  const path = pathname + search;
  for (const [maker, pattern] of CHANNELS) {
    const [, channel] = pattern.exec(path) ?? [];
    if (channel !== undefined) {
      return `${maker || hostname} ${channel}`;
    }
  }
  const parts = pathname.split('/').map((part) => plain(part).replace(/\.\w{2,4}$/, ''));
  const telling = parts.filter((part) => part !== '' && !STREAM_WORD.test(part)).at(-1);
  return telling ? readableName(telling) : [hostname, parts.at(-1)].filter(Boolean).join(' ');
}
