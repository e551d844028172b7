import { PerchError } from '../../base/errors.ts';
import { bareHost, parseLogin, percentDecode, splitUrl } from '../../base/network/url-parts.ts';
import type { Address } from '../rtsp/request/address.ts';

const DEFAULT_PORT = 1935;
const DEFAULT_TLS_PORT = 443;

/** `rtmp://host:port/app/stream?query`, or `rtmp://host:port/app#stream?query` as in MediaMTX */
export interface RtmpAddress extends Address {
  readonly app: string;
  /** With its query, which holds user and password. */
  readonly stream: string;
}

/** @param phrase of the other end, for the message: `camera of path 'door'` @throws PerchError badInput */
export function parseRtmpUrl(url: string, phrase: string): RtmpAddress {
  const parts = splitUrl(url);
  if (!/^rtmps?$/.test(parts?.scheme ?? '') || !parts?.host || !/^(?:\/|$)/.test(parts.rest)) {
    throw new PerchError('badInput', `the URL of the ${phrase} is not rtmp://host:port/app/stream`);
  }
  const { scheme, login, host, port, rest } = parts;
  const isSecure = scheme === 'rtmps';
  const [app, name, query] = partsOf(rest.slice(1));
  const place = port === undefined ? host : `${host}:${port}`;
  const queries = [query, loginOf(login)].filter((part) => part !== '').join('&');
  return {
    isSecure,
    tunnel: 'none',
    port: port ?? (isSecure ? DEFAULT_TLS_PORT : DEFAULT_PORT),
    credentials: undefined,
    app,
    host: bareHost(host),
    origin: `${scheme}://${place}`,
    uri: `${scheme}://${place}/${app}`,
    stream: queries === '' ? name : `${name}?${queries}`,
  };
}

/** After a `?`, a `#` belongs to a password of the query. */
function partsOf(path: string): readonly [app: string, name: string, query: string] {
  const [, app, key] = /^([^?#]*)#(.*)$/s.exec(path) ?? [];
  if (app !== undefined && key !== undefined) {
    const [name = '', query = ''] = splitOnce(percentDecode(key), '?');
    return [app.replace(/\/$/, ''), name, query];
  }
  const [plain = '', query = ''] = splitOnce(path, '?');
  const last = plain.lastIndexOf('/');
  return last < 0 ? [plain, '', query] : [plain.slice(0, last), plain.slice(last + 1), query];
}

/** Query parameters for user and password, as Perch and MediaMTX take them. */
function loginOf(text: string | undefined): string {
  if (text === undefined) {
    return '';
  }
  const { user, password = '' } = parseLogin(text);
  return new URLSearchParams({ user, pass: password }).toString();
}

function splitOnce(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
