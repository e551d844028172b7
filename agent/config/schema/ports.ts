import { isIPv4, isIPv6 } from 'node:net';
import { type ListenAddress, parseAddress } from '../values/address.ts';
import type { GlobalSettings } from './global.ts';

/** Two servers of one configuration that cannot both listen. */
export interface PortClash {
  /** In the order in which the servers start: the second one would find the port taken. */
  readonly keys: readonly [string, string];
  readonly port: number;
}

/** What Perch opens by itself where MediaMTX opens nothing: files for MediaMTX know nothing of it. */
export const PORTS_OF_PERCH: ReadonlySet<string> = new Set(['address', 'webrtcLocalTCPAddress']);

/** Each server with the first before it that has its TCP port, too. What is switched off has none. */
export function portClashes(settings: GlobalSettings): readonly PortClash[] {
  const clashes: PortClash[] = [];
  const before: (ListenAddress & { readonly key: string })[] = [];
  for (const [key, text] of listenersOf(settings)) {
    const where = parseAddress(text);
    // The system chooses 0 itself.
    if (!where || where.port === 0) {
      continue;
    }
    const other = before.find(({ host, port }) => port === where.port && overlap(host, where.host));
    if (other) {
      clashes.push({ keys: [other.key, key], port: where.port });
    }
    before.push({ ...where, key });
  }
  return clashes;
}

/** Addresses of TCP of all servers that are on. */
function listenersOf(settings: GlobalSettings): readonly (readonly [string, string])[] {
  const { rtsp, rtspEncryption, hls, webrtc, playback, api, metrics, pprof } = settings;
  const isOn = {
    address: true,
    tlsAddress: true,
    webrtcAddress: webrtc,
    hlsAddress: hls,
    playbackAddress: playback,
    apiAddress: api,
    metricsAddress: metrics,
    pprofAddress: pprof,
    rtspAddress: rtsp && rtspEncryption !== 'strict',
    rtspsAddress: rtsp && rtspEncryption !== 'no',
    webrtcLocalTCPAddress: webrtc,
  } as const;
  const keys = Object.keys(isOn) as (keyof typeof isOn)[];
  return keys.filter((key) => isOn[key]).map((key) => [key, settings[key]] as const);
}

/** Whether two hosts have an address in common. What a name stands for is not known here: only the same one counts. */
function overlap(a: string | undefined, b: string | undefined): boolean {
  return (
    a === undefined ||
    b === undefined ||
    a.toLowerCase() === b.toLowerCase() ||
    (isIPv4(a) && isIPv4(b) && (a === '0.0.0.0' || b === '0.0.0.0')) ||
    // `[::]` is IPv6 alone.
    (isIPv6(a) && isIPv6(b) && (a === '::' || b === '::'))
  );
}
