import type { WebRtcServerOptions } from '../../../../agent/servers/webrtc/server/server.ts';

/** UDP on loopback. */
export const WEBRTC_OPTIONS: WebRtcServerOptions = {
  webrtcLocalUDPAddress: '127.0.0.1:0',
  webrtcLocalTCPAddress: '',
  webrtcAdditionalHosts: ['127.0.0.1'],
  webrtcIPsFromInterfaces: false,
  webrtcIPsFromInterfacesList: [],
  webrtcHandshakeTimeoutMs: 10_000,
  webrtcTrackGatherTimeoutMs: 2_000,
  dumpPackets: false,
};
