import { withoutZone, zonedUrl } from '../../base/network/ip-address.ts';
import { splitUrl, webUrl } from '../../base/network/url-parts.ts';
import { cameraError } from '../soap/http/failures.ts';
import type { NetworkPorts } from './device-service.ts';

/** Usual RTSP ports; 10554: boards of Tuya and XM. */
const USUAL_PORTS = [554, 8554, 10554] as const;

/** Maximum length of an address, because addresses are stored and shown. */
const MAX_ADDRESS_CHARACTERS = 2_048;

/** Unescapes an address: some cameras escape it twice, or add line breaks. @throws PerchError badReply if it is too long */
function unescapeUri(uri: string): string {
  if (uri.length > MAX_ADDRESS_CHARACTERS) {
    const words = `the camera returns an address of ${uri.length} characters, at most ${MAX_ADDRESS_CHARACTERS} are accepted`;
    throw cameraError('badReply', words);
  }
  return uri
    .replace(/&(?:amp|#0*38|#x0*26);/gi, '&')
    .replace(/[\r\n\t\0]/g, '')
    .trim();
}

/**
 * A stream's address with the host that the camera was reached at and without credentials (added when the stream is opened). The rest
 * stays: Hikvision needs its query, XM has its own user in it.
 * @throws PerchError badReply if it is not the address of a stream
 */
export function repairStreamUri(uri: string, host: string): URL {
  const text = unescapeUri(uri);
  // As in a URL, which does not support zones.
  const urlHost = host.includes(':') ? `[${host.replace(/%.*/, '')}]` : host;
  const whole = text.startsWith('/')
    ? `rtsp://${urlHost}${text}`
    : text.replace(/^(rtsps?):\/{3,}/i, `$1://${urlHost}/`);
  const url = URL.parse(withoutZone(webUrl(whole)));
  if (url?.protocol !== 'rtsp:' && url?.protocol !== 'rtsps:') {
    const kind = url ? `an address of ${url.protocol.slice(0, 20)}` : 'no address';
    throw cameraError('badReply', `the camera returns ${kind} for its stream`);
  }
  url.hostname = urlHost;
  // A URL without an authority (`rtsp:main`) ignores the host.
  if (url.hostname !== new URL(`rtsp://${urlHost}/`).hostname) {
    throw cameraError('badReply', 'the camera returns an address without a host for its stream');
  }
  url.username = '';
  url.password = '';
  return url;
}

/** The address with the zone of a link-local host, which names the network interface. */
export const withZone = (url: URL, host: string): string => zonedUrl(url, /%(.+)/.exec(host)?.[1]);

/**
 * Ports to probe for the stream, likeliest first: the camera's claim unless it is the port of its web page (some claim that), the ports it
 * reports, the usual ones.
 */
export function candidatePorts(url: URL, ports: NetworkPorts, webPort: number): number[] {
  const claimed = Number(url.port || (url.protocol === 'rtsps:' ? 322 : 554));
  const isWeb = claimed === webPort || ports.http.includes(claimed);
  const likely = isWeb ? [...ports.rtsp, ...USUAL_PORTS, claimed] : [claimed, ...ports.rtsp, ...USUAL_PORTS];
  return [...new Set(likely)].slice(0, 6);
}

export function withPort(url: URL, port: number): URL {
  const moved = new URL(url);
  moved.port = port === (url.protocol === 'rtsps:' ? 322 : 554) ? '' : String(port);
  return moved;
}

/** Where a picture is requested. */
export interface PictureAddress {
  /** Scheme, host and port. */
  readonly url: URL;
  /** Path and query for the request line: `URL` would change quotes, braces, dots and backslashes in them. */
  readonly target: string;
}

/** @throws PerchError */
export function snapshotAddress(uri: string, camera: URL): PictureAddress {
  const url = pinnedSnapshotUrl(uri, camera);
  return { url, target: targetOf(unescapeUri(uri), url) };
}

/** The part of an address after the host as it is written; without one, as `url` has it. */
export function targetOf(text: string, url: URL): string {
  const rest = /^\/(?!\/)/.test(text) ? text : splitUrl(text)?.rest;
  if (rest === undefined) {
    return url.pathname + url.search + url.hash;
  }
  // A request line has no blanks, and letters of ASCII only.
  const sent = rest.toWellFormed().replace(/[^!-~]+/g, encodeURIComponent);
  return sent.startsWith('/') ? sent : `/${sent}`;
}

/**
 * A snapshot's address with the camera's host. Cameras may name another host (behind a router, with an old setting); port, path and query are
 * right. The query stays, because some cameras have their login in it.
 * @throws PerchError
 */
export function pinnedSnapshotUrl(uri: string, camera: URL): URL {
  const text = unescapeUri(uri);
  const whole = text.startsWith('/') ? new URL(text, camera).href : text;
  const url = URL.parse(withoutZone(whole));
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    const words = url
      ? `'${originOf(url)}' is not the http address of a picture`
      : 'the camera returns no address of a picture';
    throw cameraError('badReply', words, { host: camera.host });
  }
  url.hostname = camera.hostname;
  url.username = '';
  url.password = '';
  return url;
}

/** The part of an address that may be shown: cameras put credentials before the host and into the query. */
export function originOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`.slice(0, 100);
}
