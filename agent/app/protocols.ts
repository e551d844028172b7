import type { ServerProtocol } from '../protocols/contract.ts';
import { hlsServer } from '../servers/hls/protocol.ts';
import { rtspServer } from '../servers/rtsp/protocol.ts';
import { webrtcServer } from '../servers/webrtc/protocol.ts';

/** The servers, in the order in which lists of all sessions have them. */
export const SERVERS: readonly ServerProtocol[] = [rtspServer, webrtcServer, hlsServer];
