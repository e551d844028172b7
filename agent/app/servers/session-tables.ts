import type { Config } from '../../config/load/load.ts';
import type { PeerLookups } from '../../http/api/streams/session-routes.ts';
import type { LiveServer } from '../../servers/hls/live/live-server.ts';
import type { HlsServer } from '../../servers/hls/server/server.ts';
import type { RtspServer } from '../../servers/rtsp/server.ts';
import type { WebRtcServer } from '../../servers/webrtc/server/server.ts';

/** The servers as they are now. */
export interface MediaServers {
  config(): Config;
  hls(): HlsServer | undefined;
  readonly live: LiveServer;
  webrtc(): WebRtcServer | undefined;
  rtsp(): RtspServer | undefined;
}

/** Who is connected to which server, for API, metrics and ZLMediaKit's calls. */
export function peersOf(servers: MediaServers): PeerLookups {
  const { hls, webrtc } = servers;
  return { webrtcSessions: webrtc, hlsMuxers: hls, hlsSessions: () => hlsSessions(servers), ...rtspPeers(servers) };
}

/** Viewers of playlists, and those of live fMP4. */
function hlsSessions({ hls, live }: MediaServers) {
  const sessions = hls()?.sessions;
  return {
    list: () => [...(sessions?.list() ?? []), ...live.list()],
    kick: (id: string) => live.kick(id) || (sessions?.kick(id) ?? false),
  };
}

/** With TLS and without are apart, as in MediaMTX: what does not listen has no routes. */
function rtspPeers({ rtsp, config }: MediaServers) {
  const plain = () => (config().rtspEncryption === 'strict' ? undefined : rtsp()?.rtsp);
  const secure = () => (config().rtspEncryption === 'no' ? undefined : rtsp()?.rtsps);
  return {
    rtspConns: () => plain()?.conns,
    rtspSessions: () => plain()?.sessions,
    rtspsConns: () => secure()?.conns,
    rtspsSessions: () => secure()?.sessions,
  };
}
