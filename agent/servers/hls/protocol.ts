import { resolve } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { HLS } from '../../config/schema/servers/hls.ts';
import { cors } from '../../http/listener/cors.ts';
import type {
  PathRoutes,
  RouteDeps,
  RunningServer,
  ServerDeps,
  ServerProtocol,
  SessionTable,
} from '../../protocols/contract.ts';
import { hlsPlugin } from './delivery/plugin.ts';
import { liveAddresses } from './live/addresses.ts';
import { LiveServer } from './live/live-server.ts';
import { type HlsOptions, HlsServer } from './server/server.ts';
import { HLS_MUXER, HLS_SESSION } from './sessions/session-kinds.ts';

interface RunningHls extends RunningServer {
  /** Replaced when its options change; undefined in between. */
  readonly server: HlsServer | undefined;
  /** Its viewers stay when HLS options change. */
  readonly live: LiveServer;
}

type Options = HlsOptions & { readonly alwaysRemux: boolean };

export const hlsServer: ServerProtocol<Options, RunningHls> = {
  name: 'hls',
  label: 'HLS muxers',
  keys: HLS,
  kinds: [HLS_MUXER, HLS_SESSION],
  routes: { openingMethod: 'GET', port: { name: 'hls', label: 'HLS port' }, mount },
  options: optionsOf,
  start: async (options, deps) => startServer(options, deps),
};

function startServer(options: Options, { paths, audio, clock, log }: ServerDeps): RunningHls {
  const live = new LiveServer(paths, clock, log, audio);
  const make = (next: Options) => new HlsServer(next, paths, clock, log, audio);
  let server: HlsServer | undefined = make(options);
  let current = options;
  const sessions: SessionTable = {
    list: () => [...(server?.sessions.list() ?? []), ...live.list()],
    kick: (id) => live.kick(id) || server?.sessions.kick(id) === true,
  };
  return {
    get server() {
      return server;
    },
    live,
    table: (kind) => (kind === HLS_MUXER ? server : sessions),
    reload: async (next) => {
      const changed = next as Options;
      if (isSameMuxer(current, changed)) {
        server?.setAlwaysRemux(changed.alwaysRemux);
      } else {
        const closing = server;
        server = undefined;
        await closing?.close();
        server = make(changed);
      }
      current = changed;
      return true;
    },
    streamOpened: (path, stream) => server?.streamOpened(path, stream),
    drain: () => live.close(),
    stop: async () => {
      live.close();
      await server?.close();
    },
  };
}

const isSameMuxer = (one: Options, other: Options): boolean =>
  JSON.stringify({ ...one, alwaysRemux: true }) === JSON.stringify({ ...other, alwaysRemux: true });

function optionsOf(config: Config): Options {
  return {
    variant: config.hlsVariant,
    partDurationMs: config.hlsPartDurationMs,
    cdnSecret: config.hlsCDNSecret,
    directory: config.hlsDirectory && resolve(config.hlsDirectory),
    segmentCount: config.hlsSegmentCount,
    segmentDurationMs: config.hlsSegmentDurationMs,
    segmentMaxBytes: config.hlsSegmentMaxSizeBytes,
    closeAfterMs: config.hlsMuxerCloseAfterMs,
    alwaysRemux: config.hlsAlwaysRemux,
  };
}

/** HLS, live fMP4 and rewinding. */
async function mount(app: FastifyInstance, prefix: string, deps: RouteDeps<RunningHls>): Promise<void> {
  const { access, recorded, replicas, config, pageFolder, clock, log } = deps;
  const live = liveAddresses({ server: () => required(deps.running()).live, access, clock, log });
  await app.register(hlsPlugin, {
    prefix,
    access,
    replicas,
    others: anyOf([recorded, live]),
    get server() {
      return required(required(deps.running()).server);
    },
    cors: (methods, headers) => cors(() => config().hlsAllowOrigins, methods, headers),
    allowOrigins: () => config().hlsAllowOrigins,
    isConfigured: (path) => resolvePath(config(), path) !== undefined,
    pageFolder,
  });
}

/** Combines routes: the first of them that takes an address answers it. */
function anyOf(all: readonly PathRoutes[]): PathRoutes {
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

function required<T>(started: T | undefined): T {
  if (started === undefined) {
    throw new PerchError('unavailable', 'HLS is restarting');
  }
  return started;
}
