import type { FastifyInstance } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { pick } from '../../base/pick.ts';
import type { EndCause } from '../../base/reconciler.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { WEBRTC } from '../../config/schema/servers/webrtc.ts';
import { portOf } from '../../config/values/address.ts';
import { cors } from '../../http/listener/cors.ts';
import type { RouteDeps, RunningServer, ServerDeps, ServerProtocol } from '../../protocols/contract.ts';
import { OPTION_KEYS, WebRtcServer, type WebRtcServerOptions, withoutPort } from './server/server.ts';
import type { WebRtcPaths } from './session/contracts.ts';
import { WEBRTC_SESSION } from './session/session-kind.ts';
import { webrtcPlugin } from './signalling/plugin.ts';
import { zlmPlugin } from './signalling/zlm/plugin.ts';

/** The reason that sessions log. */
const END_WORDS: Record<EndCause, string> = {
  changed: 'the WebRTC server starts again with its changed configuration',
  off: 'the WebRTC server was switched off',
  end: 'Perch is ending',
};

interface RunningWebRtc extends RunningServer {
  readonly server: WebRtcServer;
}

/** The media ports and their sessions. If one of the two ports is taken, the other still opens. Offers come by the HTTP listeners. */
export const webrtcServer: ServerProtocol<WebRtcServerOptions, RunningWebRtc> = {
  name: 'webrtc',
  label: 'WebRTC media port',
  // Programs send the login as the bearer token `USER:PASSWORD`.
  publishing: {
    key: 'webrtc',
    urls: (config) => [`${signallingUrl(config)}/PATH/whip`],
  },
  keys: WEBRTC,
  kinds: [WEBRTC_SESSION],
  routes: { openingMethod: 'POST', port: { name: 'webrtc', label: 'WebRTC port' }, mount },
  options: (config) => (config.webrtc ? pick(config, OPTION_KEYS) : undefined),
  start: startServer,
  extraPorts: { label: 'second WebRTC media port', isWanted: () => true },
};

/** Base URL of signalling: WebRTC's own HTTP port if it is configured, else `/webrtc` on the main port. */
function signallingUrl({ webrtcAddress, webrtcEncryption, address, tlsAddress }: Config): string {
  if (webrtcAddress !== '') {
    return `http${webrtcEncryption ? 's' : ''}://HOST:${portOf(webrtcAddress)}`;
  }
  return address === '' ? `https://HOST:${portOf(tlsAddress)}/webrtc` : `http://HOST:${portOf(address)}/webrtc`;
}

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
    prepare: () => server.prepare(),
    stop: (cause) => server.close(END_WORDS[cause]),
  };
}

/** Logs that Perch itself does not use the STUN servers. MediaMTX finds its public address with them; an ICE-lite agent does not. */
function logIceServers({ webrtcICEServers2 }: Config, log: Logger): void {
  const servers = webrtcICEServers2.filter(({ clientOnly }) => !clientOnly).map(({ url }) => url);
  if (servers.length > 0) {
    log.info(
      { servers },
      'webrtcICEServers2 are sent to browsers only: set a public address of this box in webrtcAdditionalHosts',
    );
  }
}

/** Signalling: WHEP, WHIP and pages below `prefix`, ZLMediaKit's calls below `/index/api/`. */
async function mount(app: FastifyInstance, prefix: string, deps: RouteDeps<RunningWebRtc>): Promise<void> {
  const { access, config, paths, clock, zlm } = deps;
  const isConfigured = (path: string) => resolvePath(config(), path) !== undefined;
  const common = {
    access,
    cors: (methods: string, headers: string) => cors(() => config().webrtcAllowOrigins, methods, headers),
  };
  await app.register(webrtcPlugin, {
    ...common,
    prefix,
    get server() {
      return serverOf(deps);
    },
    get iceServers() {
      return config().webrtcICEServers2;
    },
    isConfigured,
  });
  await app.register(zlmPlugin, {
    ...common,
    get server() {
      return serverOf(deps);
    },
    paths: { find: (path) => paths.find(path), isConfigured },
    clock,
    more: zlm,
  });
}

function serverOf({ config, running }: RouteDeps<RunningWebRtc>): WebRtcServer {
  if (!config().webrtc) {
    // `badInput` tells players that a retry does not help: Perch's own player continues with HLS at once.
    throw new PerchError('badInput', 'WebRTC is switched off (webrtc: no)');
  }
  const server = running()?.server;
  if (server === undefined) {
    throw withoutPort();
  }
  return server;
}

const isClosed = (config: Config, path: string): boolean => resolvePath(config, path)?.settings?.webrtc === false;

/** Applies `webrtc: no`: such a path can be neither read, published to nor talked to. */
export function webrtcPaths(table: WebRtcPaths, config: () => Config): WebRtcPaths {
  const check = (path: string): void => {
    if (isClosed(config(), path)) {
      throw new PerchError('badInput', `path '${path}' is not served over WebRTC (webrtc: no)`, { path });
    }
  };
  return {
    open: async (path, query) => {
      check(path);
      return table.open(path, query);
    },
    hasBFrames: (path) => table.hasBFrames(path),
    mayPublish: (path, when) => {
      check(path);
      table.mayPublish(path, when);
    },
    publish: (path, publisher) => {
      check(path);
      return table.publish(path, publisher);
    },
    mayTalk: async (path) => {
      check(path);
      await table.mayTalk(path);
    },
    talk: async (path, onEnded) => {
      check(path);
      return table.talk(path, onEnded);
    },
  };
}

/** Ends the sessions on paths that are no longer served over WebRTC. */
export function closeDisabledPaths(server: WebRtcServer | undefined, config: Config): void {
  for (const { id, path } of server?.list() ?? []) {
    if (isClosed(config, path)) {
      server?.kick(id);
    }
  }
}
