import { isIPv6 } from 'node:net';
import type { Call, OnvifSource } from './contract.ts';
import type { Profile } from './profiles.ts';
import { fault, notSupported } from './soap.ts';

/** Transport by which a client wants RTP. */
export type WantedTransport = 'udp' | 'tcp' | 'http' | 'multicast';

/** The transport in `rtspTransports` that each wanted transport needs; the HTTP tunnel carries interleaved RTP. */
const NEEDED: Readonly<Record<WantedTransport, string>> = {
  udp: 'udp',
  tcp: 'tcp',
  http: 'tcp',
  multicast: 'multicast',
};

/** The URI is the same for every transport: the client chooses the transport in SETUP, and the HTTP tunnel uses the RTSP port. */
export function streamUri(
  { host }: Call,
  profile: Pick<Profile, 'path'>,
  wanted: WantedTransport,
  source: Pick<OnvifSource, 'rtsp'>,
): string {
  const { port, isSecure, transports } = source.rtsp();
  if (!transports.includes(NEEDED[wanted])) {
    throw fault(`rtspTransports does not permit ${wanted}`, 'InvalidArgVal', 'InvalidStreamSetup');
  }
  const path = profile.path.split('/').map(encodeURIComponent).join('/');
  return `rtsp${isSecure ? 's' : ''}://${hostText(host)}:${port}/${path}`;
}

export function snapshotUri({ origin }: Call, profile: Profile, source: OnvifSource): string {
  if (!source.hasPicture(profile.path)) {
    throw notSupported('a snapshot of this camera, which has no ONVIF service of its own and no MJPEG stream,');
  }
  return `${origin}/onvif/snapshot/${profile.token}.jpg`;
}

export const hostText = (host: string): string => (isIPv6(host) ? `[${host}]` : host);
