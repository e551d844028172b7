import { RTMP_FORWARD, RTSP_FORWARD, SRT_FORWARD, WHIP_FORWARD } from '../config/schema/forward.ts';
import type { ForwarderProtocol, ServerProtocol, SourceProtocol } from '../protocols/contract.ts';
import { lateForwarder } from '../protocols/late.ts';
import { hlsServer } from '../servers/hls/protocol.ts';
import { rtmpServer } from '../servers/rtmp/protocol.ts';
import { rtspServer } from '../servers/rtsp/protocol.ts';
import { srtServer } from '../servers/srt/protocol.ts';
import { webrtcServer } from '../servers/webrtc/protocol.ts';
import { hlsSource } from '../sources/hls/protocol.ts';
import { mpegtsSource } from '../sources/mpegts/protocol.ts';
import { rtmpSource } from '../sources/rtmp/protocol.ts';
import { rtpSource } from '../sources/rtp/protocol.ts';
import { rtspSource } from '../sources/rtsp/protocol.ts';
import { srtSource } from '../sources/srt/protocol.ts';
import { whepSource } from '../sources/whep/protocol.ts';

export const SOURCES: readonly SourceProtocol[] = [
  rtspSource,
  rtpSource,
  mpegtsSource,
  whepSource,
  rtmpSource,
  srtSource,
  hlsSource,
];
/** The servers, in the order of lists of all sessions. */
export const SERVERS: readonly ServerProtocol[] = [rtspServer, rtmpServer, webrtcServer, hlsServer, srtServer];

export const FORWARDERS: readonly ForwarderProtocol[] = [
  lateForwarder('RTSP', RTSP_FORWARD, async () => (await import('../forwarders/rtsp/forwarder.ts')).RtspForwarder),
  lateForwarder('RTMP', RTMP_FORWARD, async () => (await import('../forwarders/rtmp/forwarder.ts')).RtmpForwarder),
  // MPEG-TS, as caller.
  lateForwarder('SRT', SRT_FORWARD, async () => (await import('../forwarders/srt/forwarder.ts')).SrtForwarder),
  lateForwarder('WHIP', WHIP_FORWARD, async () => (await import('../forwarders/whip/forwarder.ts')).WhipForwarder),
];

export interface Protocols {
  readonly sources: readonly SourceProtocol[];
  readonly servers: readonly ServerProtocol[];
  readonly forwarders: readonly ForwarderProtocol[];
}

export const PROTOCOLS: Protocols = { sources: SOURCES, servers: SERVERS, forwarders: FORWARDERS };
