import { rtmpForwarder } from '../forwarders/rtmp/protocol.ts';
import { rtspForwarder } from '../forwarders/rtsp/protocol.ts';
import { srtForwarder } from '../forwarders/srt/protocol.ts';
import { whipForwarder } from '../forwarders/whip/protocol.ts';
import type { ForwarderProtocol, ServerProtocol, SourceProtocol } from '../protocols/contract.ts';
import { hlsServer } from '../servers/hls/protocol.ts';
import { rtmpServer } from '../servers/rtmp/protocol.ts';
import { rtspServer } from '../servers/rtsp/protocol.ts';
import { srtServer } from '../servers/srt/protocol.ts';
import { webrtcServer } from '../servers/webrtc/protocol.ts';
import { hlsSource } from '../sources/hls/protocol.ts';
import { mpegtsSource } from '../sources/mpegts/protocol.ts';
import { rtmpSource } from '../sources/rtmp/protocol.ts';
import { rtpSource } from '../sources/rtp/protocol.ts';
import { perchSource, rtspSource } from '../sources/rtsp/protocol.ts';
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
  perchSource,
];
/** The servers, in the order of lists of all sessions. */
export const SERVERS: readonly ServerProtocol[] = [rtspServer, rtmpServer, webrtcServer, hlsServer, srtServer];

export const FORWARDERS: readonly ForwarderProtocol[] = [rtspForwarder, rtmpForwarder, srtForwarder, whipForwarder];

export interface Protocols {
  readonly sources: readonly SourceProtocol[];
  readonly servers: readonly ServerProtocol[];
  readonly forwarders: readonly ForwarderProtocol[];
}

export const PROTOCOLS: Protocols = { sources: SOURCES, servers: SERVERS, forwarders: FORWARDERS };
