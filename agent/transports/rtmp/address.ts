import { PerchError } from '../../base/errors.ts';
import { type Address, percentDecode } from '../rtsp/request/address.ts';

const DEFAULT_PORT = 1935;
const DEFAULT_TLS_PORT = 443;

/** `rtmp://host:port/app/stream?query` */
export interface RtmpAddress extends Address {
  readonly app: string;
  /** With its query, which holds user and password. */
  readonly stream: string;
}

// The last @ before the first slash ends the credentials.
const URL_PARTS =
  /^rtmp(?<tls>s?):\/\/(?:(?<user>[^/]*)@)?(?<host>\[[\da-f:.]+(?:%[\w.~-]+)?\]|[^\s@/?#:[\]]+)(?::(?<port>\d{1,5}))?(?:\/(?<rest>\S*))?$/i;

/** @param phrase of the other end, for the message: `camera of path 'door'` @throws PerchError badInput */
export function parseRtmpUrl(url: string, phrase: string): RtmpAddress {
  const { tls, user, host, port: portText, rest = '' } = URL_PARTS.exec(url.trim())?.groups ?? {};
  const isSecure = tls !== undefined && tls !== '';
  const port = Number(portText ?? (isSecure ? DEFAULT_TLS_PORT : DEFAULT_PORT));
  if (host === undefined || port < 1 || port > 65_535) {
    throw new PerchError('badInput', `the URL of the ${phrase} is not rtmp://host:port/app/stream`);
  }
  const [path = '', query = ''] = splitOnce(rest, '?');
  const last = path.lastIndexOf('/');
  const app = last < 0 ? path : path.slice(0, last);
  const name = last < 0 ? '' : path.slice(last + 1);
  const scheme = isSecure ? 'rtmps' : 'rtmp';
  const place = portText === undefined ? host : `${host}:${portText}`;
  const queries = [query, loginOf(user)].filter((part) => part !== '').join('&');
  return {
    isSecure,
    tunnel: 'none',
    port,
    credentials: undefined,
    app,
    host: host.replace(/^\[(.*)\]$/, '$1').replace(/%25(?=.)/, '%'),
    origin: `${scheme}://${place}`,
    uri: `${scheme}://${place}/${app}`,
    stream: queries === '' ? name : `${name}?${queries}`,
  };
}

/** Query parameters for user and password, as Perch and MediaMTX take them. */
function loginOf(text: string | undefined): string {
  if (text === undefined) {
    return '';
  }
  const [user = '', password = ''] = splitOnce(text, ':').map(percentDecode);
  return new URLSearchParams({ user, pass: password }).toString();
}

function splitOnce(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
