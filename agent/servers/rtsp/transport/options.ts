import type { TransportKind } from './media-plane.ts';

/** Configuration keys are in parentheses. */
export interface RtspServerOptions {
  /** Without TLS (`rtspAddress`), such as `:8554`. */
  readonly address: string;
  /** With TLS (`rtspsAddress`). */
  readonly tlsAddress: string;
  /** `rtspEncryption`: `no` = without TLS only, `strict` = with TLS only, `optional` = both. */
  readonly encryption: 'no' | 'optional' | 'strict';
  /** Files, absolute (`rtspServerKey`, `rtspServerCert`). */
  readonly serverKey: string;
  readonly serverCert: string;
  /** Generated key and certificate, used if neither file exists. */
  readonly ownPair?: string;
  /** `rtspTransports`. */
  readonly transports: readonly TransportKind[];
  /** `rtspAuthMethods`. */
  readonly authMethods: readonly ('basic' | 'digest')[];
  /** UDP ports of unicast media (`rtpAddress`, `rtcpAddress`). */
  readonly rtpAddress: string;
  readonly rtcpAddress: string;
  readonly multicastIPRange: string;
  readonly multicastRTPPort: number;
  readonly multicastRTCPPort: number;
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** Packets that may wait for a reader (`writeQueueSize`). */
  readonly writeQueueSize: number;
  /** Largest datagram, RTP header included (`udpMaxPayloadSize`). */
  readonly udpMaxPayloadBytes: number;
  /** Of the operating system; 0 = its default (`udpReadBufferSize`). */
  readonly udpReadBufferBytes: number;
}
