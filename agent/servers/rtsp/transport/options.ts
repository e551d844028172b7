import type { SniCallback } from '../../../config/file/key-pair.ts';
import type { Config } from '../../../config/load/load.ts';

export const OPTION_KEYS = [
  'rtspAddress',
  'rtspsAddress',
  'rtspEncryption',
  'rtspServerKey',
  'rtspServerCert',
  'rtspTransports',
  'rtspAuthMethods',
  'rtspTrustedProxies',
  'rtpAddress',
  'rtcpAddress',
  'multicastIPRange',
  'multicastRTPPort',
  'multicastRTCPPort',
  'srtpAddress',
  'srtcpAddress',
  'multicastSRTPPort',
  'multicastSRTCPPort',
  'readTimeoutMs',
  'writeTimeoutMs',
  'writeQueueSize',
  'udpMaxPayloadSize',
  'udpReadBufferSize',
  'dumpPackets',
] as const satisfies readonly (keyof Config)[];

/** Settings under the names of their keys. Key and certificate are absolute. */
export interface RtspServerOptions extends Pick<Config, (typeof OPTION_KEYS)[number]> {
  /** Generated key and certificate, used if neither file exists. */
  readonly ownPair?: string;
  readonly sni?: SniCallback | undefined;
}
