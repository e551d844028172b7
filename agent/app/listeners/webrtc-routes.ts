import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { cors } from '../../http/listener/cors.ts';
import type { PathTable } from '../../paths/path-table.ts';
import { webrtcServer } from '../../servers/webrtc/protocol.ts';
import { type WebRtcServer, withoutPort } from '../../servers/webrtc/server/server.ts';
import { webrtcPlugin } from '../../servers/webrtc/signalling/plugin.ts';
import { zlmPlugin } from '../../servers/webrtc/signalling/zlm/plugin.ts';
import type { Servers } from '../servers/servers.ts';
import type { ZlmApi } from '../zlm/zlm.ts';

interface WebRtcHttpDeps {
  readonly paths: PathTable;
  readonly clock: Clock;
  readonly zlm: ZlmApi;
  /** As it is now. */
  config(): Config;
  readonly servers: Servers;
}

/** WebRTC's signalling on one listener: WHEP, WHIP and pages below `prefix`, ZLMediaKit's calls below `/index/api/`. */
export async function mountWebRtc(
  app: FastifyInstance,
  listener: HttpAccess,
  prefix: string,
  deps: WebRtcHttpDeps,
): Promise<void> {
  const access = listener.as('webrtc', 'POST');
  const corsHook = (methods: string, headers: string) => cors(() => deps.config().webrtcAllowOrigins, methods, headers);
  const isConfigured = (path: string) => resolvePath(deps.config(), path) !== undefined;
  await app.register(webrtcPlugin, {
    prefix,
    access,
    // Looked up at each request: the media ports may open again while this listener stays.
    get server() {
      return runningServer(deps);
    },
    cors: corsHook,
    get iceServers() {
      return deps.config().webrtcICEServers2;
    },
    isConfigured,
  });
  await app.register(zlmPlugin, {
    access,
    get server() {
      return runningServer(deps);
    },
    cors: corsHook,
    paths: { find: (path) => deps.paths.find(path), isConfigured },
    clock: deps.clock,
    more: deps.zlm.on(access),
  });
}

function runningServer({ config, servers }: WebRtcHttpDeps): WebRtcServer {
  if (!config().webrtc) {
    // The code that players get for what they cannot have: Perch's own continues with HLS at once.
    throw new PerchError('badInput', 'WebRTC is switched off (webrtc: no)');
  }
  const server = servers.running(webrtcServer)?.server;
  if (server === undefined) {
    throw withoutPort();
  }
  return server;
}
