import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { NewcomerMemory } from '../../base/newcomer-memory.ts';
import type { EndCause, Part } from '../../base/reconciler.ts';
import { absoluteKeyFiles, keyFilesOf, type OwnKeys } from '../../config/file/key-pair.ts';
import type { Config } from '../../config/load/load.ts';
import { RtspServer } from './server.ts';
import type { ConnectionWatch, RtspAccess, RtspPaths } from './session/contracts.ts';
import { DatagramPlane } from './transport/datagram-plane.ts';
import type { MediaPlane } from './transport/media-plane.ts';
import type { RtspServerOptions } from './transport/options.ts';

/** What sessions are told. */
const END_WORDS: Record<EndCause, string> = {
  changed: 'the RTSP server starts again with its changed configuration',
  off: 'the RTSP server was switched off',
  end: 'Perch is ending',
};

export interface RtspPartDeps {
  /** What the names of key and certificate are relative to. */
  readonly cwd: string;
  readonly own: OwnKeys;
  readonly paths: RtspPaths;
  readonly access: RtspAccess;
  readonly connections?: ConnectionWatch;
  readonly newcomers?: NewcomerMemory;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of the server that answers now. */
  use(server: RtspServer | undefined): void;
}

/**
 * The RTSP server: a change of its own keys restarts it alone. Its UDP ports are a part of their own, so that one that is
 * taken leaves everybody else with RTP over the connection or by multicast.
 */
export function rtspParts(deps: RtspPartDeps): readonly Part<Config>[] {
  const settings = (config: Config) => (config.rtsp ? optionsOf(config, deps.cwd) : undefined);
  const hasPlainClients = (config: Config) => config.rtspEncryption !== 'strict';
  let media: DatagramPlane | undefined;
  const server: Part<Config> = {
    name: 'RTSP server',
    settings,
    start: async (config) => {
      const { paths, access, connections, newcomers, clock, log } = deps;
      const options = await withOwnPair(optionsOf(config, deps.cwd), config, deps);
      const plane = new DatagramPlane(options, clock, log);
      const running = new RtspServer(options, paths, access, clock, log, withoutPorts(plane), connections, newcomers);
      await running.listen();
      media = plane;
      deps.use(running);
      return async (cause) => {
        media = undefined;
        deps.use(undefined);
        await running.close(END_WORDS[cause]);
      };
    },
  };
  const ports: Part<Config> = {
    name: 'RTP over UDP',
    needs: server.name,
    // It goes and comes with the server that it belongs to. With TLS media stay in the connection.
    settings: (config) => (hasPlainClients(config) ? settings(config) : undefined),
    start: async () => {
      await media?.listen();
      // The server closes them, after the sessions that use them.
      return () => {};
    },
  };
  return [server, ports];
}

async function withOwnPair(options: RtspServerOptions, config: Config, deps: RtspPartDeps): Promise<RtspServerOptions> {
  if (options.encryption === 'no') {
    return options;
  }
  const { own } = await keyFilesOf('rtsp', { key: config.rtspServerKey, cert: config.rtspServerCert }, deps);
  return own === undefined ? options : { ...options, ownPair: own };
}

const withoutPorts = (plane: DatagramPlane): MediaPlane => ({
  listen: async () => {},
  close: () => plane.close(),
  reader: (kind, request) => plane.reader(kind, request),
  publisher: (kind, request) => plane.publisher(kind, request),
  multicastAddress: (stream) => plane.multicastAddress(stream),
});

function optionsOf(config: Config, cwd: string): RtspServerOptions {
  const { key, cert } = absoluteKeyFiles({ key: config.rtspServerKey, cert: config.rtspServerCert }, cwd);
  return {
    address: config.rtspAddress,
    tlsAddress: config.rtspsAddress,
    encryption: config.rtspEncryption,
    serverKey: key,
    serverCert: cert,
    transports: config.rtspTransports,
    authMethods: config.rtspAuthMethods,
    rtpAddress: config.rtpAddress,
    rtcpAddress: config.rtcpAddress,
    multicastIPRange: config.multicastIPRange,
    multicastRTPPort: config.multicastRTPPort,
    multicastRTCPPort: config.multicastRTCPPort,
    readTimeoutMs: config.readTimeoutMs,
    writeTimeoutMs: config.writeTimeoutMs,
    writeQueueSize: config.writeQueueSize,
    udpMaxPayloadBytes: config.udpMaxPayloadSize,
    udpReadBufferBytes: config.udpReadBufferSize,
  };
}
