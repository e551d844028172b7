import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { EndCause, Part } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import type { OpusSound } from '../../stream/audio-forms.ts';
import { WebRtcServer, type WebRtcServerOptions } from './server/server.ts';
import type { WebRtcPaths } from './session/contracts.ts';

/** What sessions are told. */
const END_WORDS: Record<EndCause, string> = {
  changed: 'the WebRTC server starts again with its changed configuration',
  off: 'the WebRTC server was switched off',
  end: 'Perch is ending',
};

interface WebRtcPartDeps {
  readonly paths: WebRtcPaths;
  readonly clock: Clock;
  readonly log: Logger;
  readonly sound: OpusSound;
  /** Told of the server that answers now. */
  use(server: WebRtcServer | undefined): void;
}

/**
 * The media ports and the sessions behind them: a change of their own keys restarts them alone. One port of two that is taken is a
 * part of its own, so that it is told and tried again while the other goes on. Offers come by the HTTP listeners.
 */
export function webrtcParts(deps: WebRtcPartDeps): readonly Part<Config>[] {
  const settings = (config: Config) => (config.webrtc ? optionsOf(config) : undefined);
  let running: WebRtcServer | undefined;
  const media: Part<Config> = {
    name: 'WebRTC media port',
    settings,
    start: async (config) => {
      const { paths, clock, log, sound } = deps;
      tellOfIceServers(config, log);
      const server = new WebRtcServer(optionsOf(config), paths, clock, log, sound);
      await server.listen();
      running = server;
      deps.use(server);
      return async (cause) => {
        running = undefined;
        deps.use(undefined);
        await server.close(END_WORDS[cause]);
      };
    },
  };
  const rest: Part<Config> = {
    name: 'second WebRTC media port',
    needs: media.name,
    settings,
    start: async () => {
      await running?.retryFailedPorts();
      // The server closes it with the other.
      return () => {};
    },
  };
  return [media, rest];
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

/** MediaMTX would find out its public address from them. ICE-lite waits to be called: nothing is ever asked of a STUN server. */
function tellOfIceServers({ webrtcICEServers2 }: Config, log: Logger): void {
  const servers = webrtcICEServers2.filter(({ clientOnly }) => !clientOnly).map(({ url }) => url);
  if (servers.length > 0) {
    log.info(
      { servers },
      'webrtcICEServers2 are told to browsers only: a public address of this box is named in webrtcAdditionalHosts',
    );
  }
}
