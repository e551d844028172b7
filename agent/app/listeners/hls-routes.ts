import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { cors } from '../../http/listener/cors.ts';
import { takeUpgrade } from '../../http/listener/web-socket.ts';
import { rewindAddresses } from '../../playback/vod/vod-routes.ts';
import { hlsPlugin, type OtherAddresses } from '../../servers/hls/delivery/plugin.ts';
import { liveAddresses } from '../../servers/hls/live/addresses.ts';
import { hlsServer } from '../../servers/hls/protocol.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { Servers } from '../servers/servers.ts';

interface HlsHttpDeps {
  readonly pageFolder: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recordings: Recordings;
  /** As it is now. */
  config(): Config;
  readonly servers: Servers;
}

/** HLS, live fMP4 and rewinding on one listener, below `prefix`. */
export async function mountHls(
  app: FastifyInstance,
  listener: HttpAccess,
  prefix: string,
  { servers, clock, log, recordings, config, pageFolder }: HlsHttpDeps,
): Promise<void> {
  const access = listener.as('hls', 'GET');
  const { playback } = recordings;
  const others = [
    rewindAddresses({ streams: playback.streams, frames: playback, access }),
    liveAddresses({ server: () => running(servers).live, access, takeUpgrade, clock, log }),
  ];
  await app.register(hlsPlugin, {
    prefix,
    access,
    others: anyOf(others),
    get server() {
      return required(running(servers).server);
    },
    cors: (methods, headers) => cors(() => config().hlsAllowOrigins, methods, headers),
    isConfigured: (path) => resolvePath(config(), path) !== undefined,
    pageFolder,
  });
}

/** Each address is answered by the first that takes it. */
function anyOf(all: readonly OtherAddresses[]): OtherAddresses {
  const find = (address: string) => all.find((other) => other.takes(address));
  return {
    takes: (address) => find(address) !== undefined,
    answer: async (address, request, reply) => {
      const other = find(address);
      if (!other) {
        throw new PerchError('notFound', 'not found');
      }
      return other.answer(address, request, reply);
    },
  };
}

const running = (servers: Servers) => required(servers.running(hlsServer));

function required<T>(started: T | undefined): T {
  if (started === undefined) {
    throw new PerchError('unavailable', 'HLS is restarting');
  }
  return started;
}
