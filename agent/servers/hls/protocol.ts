import { resolve } from 'node:path';
import type { Config } from '../../config/load/load.ts';
import { HLS } from '../../config/schema/hls.ts';
import type { RunningServer, ServerDeps, ServerProtocol, SessionTable } from '../../protocols/contract.ts';
import { LiveServer } from './live/live-server.ts';
import { type HlsOptions, HlsServer } from './server/server.ts';
import { HLS_MUXER, HLS_SESSION } from './sessions/session-kinds.ts';

interface RunningHls extends RunningServer {
  /** Another one after each change of its options; undefined in between. */
  readonly server: HlsServer | undefined;
  /** Its viewers stay when the options of HLS change. */
  readonly live: LiveServer;
}

type Options = HlsOptions & { readonly alwaysRemux: boolean };

/** The muxers of HLS, and live fMP4. */
export const hlsServer: ServerProtocol<Options, RunningHls> = {
  name: 'hls',
  label: 'HLS muxers',
  keys: HLS,
  kinds: [HLS_MUXER, HLS_SESSION],
  hasRoutes: true,
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
