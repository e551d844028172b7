import { resolve } from 'node:path';
import type { Clock } from './base/clock.ts';
import type { Logger } from './base/log.ts';
import type { Config } from './config/load.ts';
import type { Part } from './reconcile.ts';
import { DatagramPlane } from './servers/rtsp/datagram-plane.ts';
import type { RtspAccess, RtspPaths } from './servers/rtsp/gateway.ts';
import type { RtspServerOptions } from './servers/rtsp/options.ts';
import { RtspServer } from './servers/rtsp/server.ts';

export interface RtspPartDeps {
  /** What the names of key and certificate are relative to. */
  readonly cwd: string;
  readonly paths: RtspPaths;
  readonly access: RtspAccess;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of the server that answers now. */
  use(server: RtspServer | undefined): void;
}

/** The RTSP server as a part of the product: a change of its own keys restarts it alone. */
export function rtspPart(deps: RtspPartDeps): Part<Config> {
  return {
    name: 'RTSP server',
    settings: (config) => (config.rtsp ? optionsOf(config, deps.cwd) : undefined),
    start: async (config) => {
      const { paths, access, clock, log } = deps;
      const options = optionsOf(config, deps.cwd);
      const media = new DatagramPlane(options, clock, log);
      const server = new RtspServer(options, paths, access, clock, log, media);
      await server.listen();
      deps.use(server);
      return async () => {
        deps.use(undefined);
        await server.close();
      };
    },
  };
}

function optionsOf(config: Config, cwd: string): RtspServerOptions {
  return {
    address: config.rtspAddress,
    tlsAddress: config.rtspsAddress,
    encryption: config.rtspEncryption,
    serverKey: resolve(cwd, config.rtspServerKey),
    serverCert: resolve(cwd, config.rtspServerCert),
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
