import { withoutZone, zonedUrl } from '../../base/url-zone.ts';
import { cameraError } from '../soap/http/failures.ts';
import type { NetworkPorts } from './network.ts';
import { checkAddressLength } from './snapshot-address.ts';

/** Where RTSP is when nobody says it; 10554: boards of Tuya and XM. */
const USUAL_PORTS = [554, 8554, 10554] as const;

/**
 * The address of a stream out of what a camera said: with the host that it was reached at, without a name and a password (they are
 * added when the stream is opened), else as it is. Hikvision needs its query, XM has a user of its own in it that must stay.
 * @throws PerchError badReply for what is no address of a stream
 */
export function repairStreamUri(uri: string, host: string): URL {
  checkAddressLength(uri);
  // Escaped twice, with line breaks inside, or the path alone.
  const text = uri
    .replace(/&(?:amp|#0*38|#x0*26);/gi, '&')
    .replace(/[\r\n\t\0]/g, '')
    .trim();
  const urlHost = hostOf(host);
  const whole = text.startsWith('/')
    ? `rtsp://${urlHost}${text}`
    : text.replace(/^(rtsps?):\/{3,}/i, `$1://${urlHost}/`);
  const url = URL.parse(withoutZone(whole));
  if (url?.protocol !== 'rtsp:' && url?.protocol !== 'rtsps:') {
    const kind = url ? `an address of ${url.protocol.slice(0, 20)}` : 'no address';
    throw cameraError('badReply', `the camera names ${kind} where its stream should be`);
  }
  url.hostname = urlHost;
  // An address without a place for a host (`rtsp:main`) keeps what it has.
  if (url.hostname !== new URL(`rtsp://${urlHost}/`).hostname) {
    throw cameraError('badReply', 'the camera names an address without a host where its stream should be');
  }
  url.username = '';
  url.password = '';
  return url;
}

/** As it stands in a URL: a zone is none of what URL knows. */
function hostOf(host: string): string {
  return host.includes(':') ? `[${host.replace(/%.*/, '')}]` : host;
}

/** The text of an address at the host, with the zone of a link-local one, which says on which of our networks it is. */
export const withZone = (url: URL, host: string): string => zonedUrl(url, /%(.+)/.exec(host)?.[1]);

/**
 * The ports to look for the stream at, likeliest first: the camera's claim, unless that is the port of its web page (some answer so),
 * what it says of its network, then the usual ones.
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
