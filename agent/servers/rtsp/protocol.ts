import type { EndCause } from '../../base/reconciler.ts';
import { absoluteKeyFiles, keyFilesOf } from '../../config/file/key-pair.ts';
import type { Config } from '../../config/load/load.ts';
import { RTSP } from '../../config/schema/rtsp.ts';
import type { RunningServer, ServerDeps, ServerProtocol, SessionKind, SessionTable } from '../../protocols/contract.ts';
import { RtspServer } from './server.ts';
import { PLAIN, SECURE } from './session/session-kinds.ts';
import { DatagramPlane } from './transport/datagram-plane.ts';
import type { MediaPlane } from './transport/media-plane.ts';
import type { RtspServerOptions } from './transport/options.ts';

/** The reason that sessions log. */
const END_WORDS: Record<EndCause, string> = {
  changed: 'the RTSP server starts again with its changed configuration',
  off: 'the RTSP server was switched off',
  end: 'Perch is ending',
};

interface RunningRtsp extends RunningServer {
  /** TCP ports in use; 0: closed. */
  readonly ports: { readonly rtsp: number; readonly rtsps: number };
}

/** Its UDP ports are opened apart: when one is taken, RTP goes over the connection or by multicast. */
export const rtspServer: ServerProtocol<RtspServerOptions, RunningRtsp> = {
  name: 'rtsp',
  label: 'RTSP server',
  keys: RTSP,
  kinds: [PLAIN.connection, PLAIN.session, SECURE.connection, SECURE.session],
  options: (config) => (config.rtsp ? optionsOf(config) : undefined),
  start: startServer,
  // With TLS media stay in the connection.
  extraPorts: { label: 'RTP over UDP', isWanted: ({ encryption }) => encryption !== 'strict' },
};

async function startServer(configured: RtspServerOptions, deps: ServerDeps): Promise<RunningRtsp> {
  const { paths, access, connections, newcomers, clock, log } = deps;
  const options = await withKeys(configured, deps);
  const plane = new DatagramPlane(options, clock, log);
  const server = new RtspServer(options, paths, access, clock, log, withoutPorts(plane), connections, newcomers);
  await server.listen();
  const { encryption } = options;
  const tables = new Map<SessionKind, SessionTable>([
    ...(encryption === 'strict' ? [] : tablesOf(PLAIN, server.rtsp)),
    ...(encryption === 'no' ? [] : tablesOf(SECURE, server.rtsps)),
  ]);
  return {
    ports: { rtsp: server.rtsp.port, rtsps: server.rtsps.port },
    table: (kind) => tables.get(kind),
    openExtraPorts: () => plane.listen(),
    stop: (cause) => server.close(END_WORDS[cause]),
  };
}

const tablesOf = ({ connection, session }: typeof PLAIN, { conns, sessions }: RtspServer['rtsp']) =>
  [
    [connection, conns],
    [session, sessions],
  ] as const;

/** Key and certificate as absolute names, or the device's own. */
async function withKeys(options: RtspServerOptions, deps: ServerDeps): Promise<RtspServerOptions> {
  const names = { key: options.serverKey, cert: options.serverCert };
  const { key, cert } = absoluteKeyFiles(names, deps.cwd);
  const { own } = options.encryption === 'no' ? {} : await keyFilesOf('rtsp', names, deps);
  return { ...options, serverKey: key, serverCert: cert, ...(own === undefined ? {} : { ownPair: own }) };
}

const withoutPorts = (plane: DatagramPlane): MediaPlane => ({
  listen: async () => {},
  close: () => plane.close(),
  reader: (kind, request) => plane.reader(kind, request),
  publisher: (kind, request) => plane.publisher(kind, request),
  multicastAddress: (stream) => plane.multicastAddress(stream),
});

const optionsOf = (config: Config): RtspServerOptions => ({
  address: config.rtspAddress,
  tlsAddress: config.rtspsAddress,
  encryption: config.rtspEncryption,
  serverKey: config.rtspServerKey,
  serverCert: config.rtspServerCert,
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
});
