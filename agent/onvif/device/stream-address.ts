import { withoutZone, zonedUrl } from '../../base/url-zone.ts';
import { cameraError } from '../soap/http/failures.ts';
import type { NetworkPorts } from './network.ts';
import { checkAddressLength } from './snapshot-address.ts';

/** Usual RTSP ports; 10554: boards of Tuya and XM. */
const USUAL_PORTS = [554, 8554, 10554] as const;

/**
 * A stream's address with the host that the camera was reached at and without credentials (added when the stream is opened). The rest
 * stays: Hikvision needs its query, XM has its own user in it.
 * @throws PerchError badReply if it is not the address of a stream
 */
export function repairStreamUri(uri: string, host: string): URL {
  checkAddressLength(uri);
  // Some are escaped twice, contain line breaks, or are only a path.
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

/** As in a URL, which does not support zones. */
function hostOf(host: string): string {
  return host.includes(':') ? `[${host.replace(/%.*/, '')}]` : host;
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
