import type { Logger } from '../../base/log.ts';
import type { EndCause } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import { WEBRTC } from '../../config/schema/webrtc.ts';
import type { RunningServer, ServerDeps, ServerProtocol } from '../../protocols/contract.ts';
import { closeDisabledPaths, webrtcPaths } from './paths.ts';
import { WebRtcServer, type WebRtcServerOptions } from './server/server.ts';
import { WEBRTC_SESSION } from './session/session-kind.ts';

/** The reason that sessions log. */
const END_WORDS: Record<EndCause, string> = {
  changed: 'the WebRTC server starts again with its changed configuration',
  off: 'the WebRTC server was switched off',
  end: 'Perch is ending',
};

interface RunningWebRtc extends RunningServer {
  readonly server: WebRtcServer;
}

/** The media ports and the sessions behind them. One port of two that is taken leaves the other open. Offers come by the HTTP listeners. */
export const webrtcServer: ServerProtocol<WebRtcServerOptions, RunningWebRtc> = {
  name: 'webrtc',
  label: 'WebRTC media port',
  keys: WEBRTC,
  kinds: [WEBRTC_SESSION],
  hasRoutes: true,
  options: (config) => (config.webrtc ? optionsOf(config) : undefined),
  start: startServer,
  extraPorts: { label: 'second WebRTC media port', isWanted: () => true },
};

async function startServer(options: WebRtcServerOptions, deps: ServerDeps): Promise<RunningWebRtc> {
  const { paths, audio, clock, log, config } = deps;
  logIceServers(config(), log);
  const server = new WebRtcServer(options, webrtcPaths(paths, config), clock, log, audio.opus);
  await server.listen();
  return {
    server,
    table: () => server,
    openExtraPorts: () => server.retryFailedPorts(),
    pathsChanged: (changed) => closeDisabledPaths(server, changed),
    stop: (cause) => server.close(END_WORDS[cause]),
  };
}

const optionsOf = (config: Config): WebRtcServerOptions => ({
  udpAddress: config.webrtcLocalUDPAddress,
  tcpAddress: config.webrtcLocalTCPAddress,
  additionalHosts: config.webrtcAdditionalHosts,
  ipsFromInterfaces: config.webrtcIPsFromInterfaces,
  interfaces: config.webrtcIPsFromInterfacesList,
  handshakeTimeoutMs: config.webrtcHandshakeTimeoutMs,
  trackGatherTimeoutMs: config.webrtcTrackGatherTimeoutMs,
});

/** MediaMTX finds its public address with them. ICE-lite never asks a STUN server. */
function logIceServers({ webrtcICEServers2 }: Config, log: Logger): void {
  const servers = webrtcICEServers2.filter(({ clientOnly }) => !clientOnly).map(({ url }) => url);
  if (servers.length > 0) {
    log.info(
      { servers },
      'webrtcICEServers2 are sent to browsers only: set a public address of this device in webrtcAdditionalHosts',
    );
  }
}
